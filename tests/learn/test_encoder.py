"""Encoders: any classification network of torchvision or timm gives its features, with published weights or without."""

import pytest
import torch

from fewshot_bench.errors import UserError
from fewshot_bench.learn import zoo
from fewshot_bench.learn.encoder import (
    EncoderSettings,
    best_precision,
    computes_bf16,
    exact_convolutions,
    resize,
)
from fewshot_bench.registry.registry import Registry
from tests.helpers.training import CPU, encoder_of, made


def test_an_encoder_normalises_inside():
    encoder = encoder_of("resnet50").eval()
    assert encoder.features == 2048
    with torch.inference_mode():
        seen = []
        encoder.backbone.conv1.register_forward_pre_hook(
            lambda module, inputs: seen.append(inputs[0])
        )
        encoder(torch.tensor([0.0, 255.0]).view(2, 1, 1, 1).expand(-1, -1, 64, 64))
    assert seen[0].unique().tolist() == [-2.0, 2.0]
    assert seen[0].shape[1] == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"encoder": "resnet19"}, "did you mean 'resnet18'"),
        (
            {"encoder": "timm:resnet19"},
            "unknown encoder 'timm:resnet19'; did you mean 'timm:resnet",
        ),
        ({"weights": "IMAGENET1K_V3"}, "did you mean 'IMAGENET1K_V1'"),
        (
            {"encoder": "timm:mixer_s16_224", "weights": "DEFAULT"},
            r"unknown weights of timm:mixer_s16_224 .* .allowed: none",
        ),
        ({"image_size": 8}, "image_size=8 is out of bounds .allowed: 32 or more pixels, or 0 for"),
        (
            {"encoder": "inception_v3"},
            r"image_size=64 is not taken by inception_v3 \(.*\); give another with --image-size",
        ),
        ({"encoder": "vit_b_32", "image_size": 50}, "image_size=50 is not taken by vit_b_32"),
        ({"encoder": "timm:resnet10t.c3_in1k"}, "say --encoder timm:resnet10t --weights c3_in1k"),
    ],
)
def test_settings_are_checked(changes: dict[str, object], expected: str):
    with pytest.raises(UserError, match=expected) as error:
        EncoderSettings(**changes).resolved()  # type: ignore[arg-type]
    assert len(str(error.value)) < 2000


def test_default_weights_are_recorded_under_the_name_they_stand_for():
    assert EncoderSettings(weights="DEFAULT").resolved().weights == "IMAGENET1K_V1"
    resnet50 = EncoderSettings.given("x", {"encoder": "resnet50", "weights": "DEFAULT"})
    assert resnet50.resolved().weights == "IMAGENET1K_V2"
    frozen = Registry().baseline("frozen").load().settings_type
    recorded = frozen.given("frozen", {"encoder": "resnet50"}).resolved().as_dict()
    assert recorded["weights"] == "IMAGENET1K_V2"
    timm = EncoderSettings(encoder="timm:resnet18", weights="DEFAULT").resolved().weights
    assert timm in zoo.Timm().weights("timm:resnet18")


@pytest.mark.parametrize(
    ("encoder", "weights", "size"),
    [
        ("efficientnet_lite1", "none", 240),
        ("resnet50", "IMAGENET1K_V1", 224),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", 384),
        ("timm:test_resnet", "none", 160),
        ("timm:mixer_s16_224", "none", 224),
    ],
)
def test_image_size_0_is_the_encoders_own(encoder: str, weights: str, size: int):
    settings = EncoderSettings(encoder=encoder, weights=weights, image_size=0)
    assert settings.resolved().image_size == size
    assert settings.image_size == 0


def test_resizing_keeps_images_of_the_right_size_to_the_bit():
    batch = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    assert torch.equal(resize(batch, 32), batch.float())
    assert resize(batch, 16).shape == (2, 1, 16, 16)


def test_precision_is_the_faster_one():
    assert best_precision("cpu", "resnet18", bf16=True) == "bf16"
    assert best_precision("cpu", "efficientnet_lite0", bf16=True) == "float32"
    assert best_precision("cuda", "efficientnet_lite0", bf16=True) == "bf16"
    assert best_precision("cpu", "resnet18", bf16=False) == "float32"
    assert best_precision("cuda", "resnet18", bf16=False) == "float32"


def test_a_device_says_whether_it_computes_in_bf16(monkeypatch: pytest.MonkeyPatch):
    for answer in (True, False):
        monkeypatch.setattr(
            "torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda answer=answer: answer
        )
        assert computes_bf16(CPU) is answer


def test_features_are_in_full_float32_on_a_gpu_too():
    convolutions = torch.backends.cudnn.conv
    before = convolutions.fp32_precision
    seen = []
    baseline = made("untrained")
    baseline.build(3, CPU)
    baseline.network.register_forward_hook(
        lambda module, inputs, output: seen.append(convolutions.fp32_precision)
    )
    baseline.embed(torch.zeros(2, 1, 64, 64))
    assert set(seen) == {"ieee"}
    assert convolutions.fp32_precision == before
    with pytest.raises(ValueError, match="inside"), exact_convolutions():
        raise ValueError("inside")
    assert convolutions.fp32_precision == before
