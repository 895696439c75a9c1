"""torchvision's classification networks. It is imported on use: that takes as long as torch."""

from __future__ import annotations

import contextlib
import os
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

from torch import nn

from fewshot_bench.learn.network import (
    GREY_MEAN,
    GREY_STD,
    NONE,
    UNKNOWN_SIZE,
    Network,
    curl_command,
    unavailable,
)

__all__ = ["Torchvision"]

CLASSES = 1000  # of ImageNet, the outputs of a published network's last layer
AUXILIARY_HEADS = ("aux_logits", "AuxLogits", "aux1", "aux2")


class Torchvision:
    """torchvision.models: the last layer is removed, its input is the feature."""

    def names(self) -> list[str]:
        """All classification networks."""
        models = _models()
        names = models.list_models(module=models)
        return [str(name) for name in names]

    def weights(self, name: str) -> list[str]:
        """The published weights of network `name`, the library's best first."""
        published = _models().get_model_weights(name)
        best = str(published["DEFAULT"].name)
        others = [str(entry.name) for entry in published if entry.name != best]
        return [best, *others]

    def require(self, name: str, weights: str) -> None:
        """Nothing: torchvision is always installed."""

    def sha256(self, name: str, weights: str) -> str:
        """Empty: the digest of a download is not known."""
        del name, weights
        return ""

    def image_size(self, name: str, weights: str) -> int:
        """The side of the images that published weights were trained on; of the best for none."""
        tag = "DEFAULT" if weights == NONE else weights
        transforms = _models().get_model_weights(name)[tag].transforms()
        crop: list[int] = getattr(transforms, "crop_size", [UNKNOWN_SIZE])
        return crop[0]

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """The network for images of `size` pixels a side.

        fetch: load the published weights; position embeddings are resampled to the image size.
        Raises `Unavailable` if they are neither cached nor downloadable.
        """
        models = _models()
        published = None
        if weights != NONE:
            published = models.get_model_weights(name)[weights]
        # torchvision warns of initialisations and file formats that will change
        with warnings.catch_warnings(action="ignore"):
            options = _options(name, size, published=published is not None)
            module = _without_auxiliary_heads(models.get_model(name, **options))
            if published is not None and fetch:
                source = _without_auxiliary_heads(_download(name, published))
                state = source.state_dict()
                if name.startswith("vit_"):
                    resample = models.vision_transformer.interpolate_embeddings
                    state = resample(size, module.patch_size, state)
                module.load_state_dict(state)
        last = _last_layer(module)
        module.set_submodule(last, nn.Identity())
        removed = (last, *AUXILIARY_HEADS)
        if published is None:
            return Network(module, GREY_MEAN, GREY_STD, removed)
        transforms = published.transforms()
        return Network(module, tuple(transforms.mean), tuple(transforms.std), removed)


def _models() -> Any:
    import torchvision.models

    return torchvision.models


def _options(name: str, size: int, *, published: bool) -> dict[str, Any]:
    """Arguments of a network's constructor: the image size, and what published weights imply."""
    if name.startswith("vit_"):
        return {"image_size": size}
    if name.startswith("maxvit_"):
        return {"input_size": (size, size)}
    if published and name in ("googlenet", "inception_v3"):
        # published weights imply this option, and a checkpoint does not hold it
        return {"transform_input": True}
    return {}


def _without_auxiliary_heads(module: Any) -> Any:
    """The network without the classifiers that only help to train it on ImageNet."""
    for name in AUXILIARY_HEADS:
        if hasattr(module, name):
            setattr(module, name, None)
    return module


def _download(name: str, published: Any) -> Any:
    """The network with its published weights, from torch's cache or downloaded."""
    try:
        with _weights_only():
            return _models().get_model(name, weights=published)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        # no network connection, a refusing proxy, or a file that holds something else
        command = curl_command(published.url)
        raise unavailable(name, published.name, error, command) from None


@contextlib.contextmanager
def _weights_only() -> Iterator[None]:
    """Read files of weights as data: torch runs no code that a file may hold."""
    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(switch)
    os.environ[switch] = "1"
    try:
        yield
    finally:
        os.environ.pop(switch)
        if before is not None:
            os.environ[switch] = before


def _last_layer(module: nn.Module) -> str:
    """The path of the last layer with one output for each class of ImageNet."""
    last = ""
    for path, part in module.named_modules():
        if _width(part) == CLASSES:
            last = path
    return last


def _width(part: nn.Module) -> object:
    """The outputs of a linear layer or a convolution; None for other modules."""
    channels = getattr(part, "out_channels", None)
    return getattr(part, "out_features", channels)
