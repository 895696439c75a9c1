"""The published encoder as it is."""

import torch

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import encoder_of, fitted, images


def test_frozen_is_the_published_encoder(blobs: LabelledImages, published: dict[str, torch.Tensor]):
    baseline, history = fitted("frozen", blobs.subset(blobs.class_names[:3]), encoder="resnet18")
    assert history == []
    encoder = encoder_of("resnet18", 32, "IMAGENET1K_V1").eval()
    with torch.inference_mode():
        expected = encoder(images(blobs).float())
    assert torch.allclose(baseline.embed(images(blobs)), expected, atol=1e-5)
