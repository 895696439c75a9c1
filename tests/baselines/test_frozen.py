"""The published encoder as it is."""

from pathlib import Path

import pytest
import torch

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.runs import run
from tests.helpers.training import encoder_of, fitted, images


def test_frozen_is_the_published_encoder(blobs: LabelledImages, published: dict[str, torch.Tensor]):
    baseline, history = fitted("frozen", blobs.subset(blobs.class_names[:3]), encoder="resnet18")
    assert history == []
    encoder = encoder_of("resnet18", 32, "IMAGENET1K_V1").eval()
    with torch.inference_mode():
        expected = encoder(images(blobs).float())
    assert torch.allclose(baseline.embed(images(blobs)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "weights", "reason"),
    [
        ("frozen", "none", "weights=none leaves it nothing learned; untrained is that encoder"),
        ("untrained", "DEFAULT", "weights=IMAGENET1K_V1 were trained, frozen is that encoder"),
    ],
)
def test_frozen_needs_weights_and_untrained_has_none(
    tmp_path: Path, name: str, weights: str, reason: str
):
    options = {"encoder": "resnet18", "weights": weights}
    table = run(tmp_path, baselines=[name], shots=[1], **options).table
    assert table["status"].tolist() == ["not applicable"]
    assert table["note"].iloc[0].startswith(reason)
