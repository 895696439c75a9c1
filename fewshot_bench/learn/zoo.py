"""Networks by name, without their last layer: torchvision's, and timm's as `timm:NAME`.

Neither library is imported for the encoders of the presets before a network is made: `bench run`
with nothing left to do stays fast.
"""

from __future__ import annotations

import functools
from typing import Protocol

import torch

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.learn.network import DEFAULT, NONE, Network
from fewshot_bench.learn.timm_zoo import TIMM, Timm
from fewshot_bench.learn.torchvision_zoo import Torchvision

__all__ = ["Zoo", "check_image_size", "make_network", "resolve_weights"]

PRESET_ENCODERS = ("resnet18", "resnet50")  # known to exist and to take any image size


class Zoo(Protocol):
    """A library of networks."""

    def names(self) -> list[str]:
        """All classification networks."""

    def weights(self, name: str) -> list[str]:
        """The published weights of network `name`, the library's best first."""

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """The network for images of `size` pixels a side. fetch: load the published weights."""


def make_network(encoder: str, weights: str, size: int, *, fetch: bool) -> Network:
    """The network of that name for images of `size` pixels a side.

    weights: none, DEFAULT or a published name. fetch: load the published weights; without it the
    weights are random and a checkpoint must replace them. Raises `Unavailable` if published weights
    are neither cached nor downloadable, and as `resolve_weights`.
    """
    name_of_weights = resolve_weights(encoder, weights)
    return _zoo(encoder).make(encoder, size, name_of_weights, fetch=fetch)


def resolve_weights(encoder: str, weights: str) -> str:
    """The name of the weights: `DEFAULT` becomes the name of the library's best, others stay.

    Raises `UserError` if there is no such network, or if it has no such weights.
    """
    if encoder in PRESET_ENCODERS and weights == NONE:
        return weights
    zoo = _zoo(encoder)
    encoders = zoo.names()
    bare_name, dot, tag = encoder.partition(".")
    if dot and bare_name in encoders:
        raise UserError(
            f"encoder {encoder!r} has its weights in its name; "
            f"say --encoder {bare_name} --weights {tag}"
        )
    if encoder not in encoders:
        remedy = f"name a classification network of torchvision, or {TIMM}NAME of timm"
        raise unknown("encoder", encoder, encoders, remedy)
    published = zoo.weights(encoder)
    if weights == DEFAULT and published:
        return published[0]
    if weights not in (NONE, *published):
        allowed = [NONE, DEFAULT, *published] if published else [NONE]
        raise unknown(f"weights of {encoder}", weights, allowed)
    return weights


def check_image_size(encoder: str, weights: str, size: int) -> None:
    """Raise `UserError` if the network takes no images of `size` pixels a side.

    The network is built and given one image.
    """
    error = _error_of_size(encoder, weights, size)
    if error is not None:
        raise UserError(
            f"image_size={size} is not taken by {encoder} ({error}); give another with --image-size"
        )


@functools.cache
def _error_of_size(encoder: str, weights: str, size: int) -> str | None:
    """The message of the error that an image of `size` pixels a side causes, or None."""
    if encoder in PRESET_ENCODERS:
        return None
    # networks take neither time nor memory on the meta device, but some cannot be built there
    error = _error_on("meta", encoder, weights, size)
    if isinstance(error, (RuntimeError, ValueError)):
        error = _error_on("cpu", encoder, weights, size)
    return None if error is None else str(error)


def _error_on(device: str, encoder: str, weights: str, size: int) -> Exception | None:
    """The error when the network is built on `device` and given one image, or None."""
    zoo = _zoo(encoder)
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), torch.device(device):
            network = zoo.make(encoder, size, weights, fetch=False)
            image = torch.zeros(1, 3, size, size)
            network.module.eval()(image)
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        return error
    return None


def _zoo(encoder: str) -> Zoo:
    """The library that an encoder's name belongs to."""
    if encoder.startswith(TIMM):
        return Timm()
    return Torchvision()
