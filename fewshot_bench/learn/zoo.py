"""Networks by name, without their last layer.

They are torchvision's, timm's as `timm:NAME`, and those whose weights an installation brings. No
library is imported for the encoders of the presets before a network is made: `bench run`
with nothing left to do stays fast.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Protocol

import torch

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.learn.network import DEFAULT, NONE, Network
from fewshot_bench.learn.packaged_zoo import Packaged
from fewshot_bench.learn.timm_zoo import TIMM, Timm
from fewshot_bench.learn.torchvision_zoo import Torchvision
from fewshot_bench.learn.weights_file import SUFFIXES, WeightsFile, is_path
from fewshot_bench.learn.weights_match import load_matched

__all__ = [
    "Zoo",
    "check_image_size",
    "check_weights",
    "make_network",
    "own_image_size",
    "resolve_weights",
    "sha256_of_weights",
]

PRESET_ENCODERS = ("resnet18", "resnet50")  # known to exist and to take any image size
ENDINGS = ", ".join(SUFFIXES)  # of files of weights


class Zoo(Protocol):
    """A library of networks."""

    def names(self) -> list[str]:
        """All classification networks."""

    def weights(self, name: str) -> list[str]:
        """The published weights of network `name`, the library's best first."""

    def require(self, name: str, weights: str) -> None:
        """Raise `UserError` unless what network `name` needs with these weights is installed."""

    def sha256(self, name: str, weights: str) -> str:
        """The SHA-256 of published weights, 64 hex digits; empty if it is not known before."""

    def image_size(self, name: str, weights: str) -> int:
        """The side of the images that published weights were trained on; of the best for none."""

    def make(self, name: str, size: int, weights: str, *, fetch: bool) -> Network:
        """The network for images of `size` pixels a side. fetch: load the published weights."""


def make_network(encoder: str, weights: str, size: int, *, fetch: bool) -> Network:
    """The network of that name for images of `size` pixels a side.

    weights: none, DEFAULT, a published name, or the path of a file. Pixels are normalised as the
    published weights take them. With weights from a file they are normalised as the best published
    weights of this network take them. fetch: load the weights; without it they are random and a
    checkpoint must replace them, and a file is not read.

    Raises `Unavailable` if published weights are neither cached nor downloadable, `UserError` if a
    file does not fit the network, and as `resolve_weights`.
    """
    resolved = resolve_weights(encoder, weights)
    zoo = _zoo(encoder)
    if not isinstance(resolved, WeightsFile):
        return zoo.make(encoder, size, resolved, fetch=fetch)
    network = zoo.make(encoder, size, _best(zoo, encoder), fetch=False)
    if fetch:
        names = f"weights {resolved!s} for encoder {encoder}"
        load_matched(network.module, resolved.tensors(), removed=network.removed, names=names)
    return network


def resolve_weights(encoder: str, weights: str) -> str:
    """The name of the weights: `DEFAULT` becomes the name of the library's best, others stay.

    The path of a file becomes a `WeightsFile`. Raises `UserError` if there is no such network, if
    it has no such weights, or if what it needs is not installed.
    """
    if encoder in PRESET_ENCODERS and weights == NONE:
        return weights
    zoo = _zoo(encoder)
    _check_encoder(zoo, encoder)
    if isinstance(weights, WeightsFile):
        return weights
    if is_path(weights):
        return WeightsFile(weights)
    published = zoo.weights(encoder)
    if weights == DEFAULT and published:
        weights = published[0]
    if weights not in (NONE, *published):
        allowed = [NONE, DEFAULT, *published] if published else [NONE]
        remedy = f"name one of them with --weights, or a file ({ENDINGS})"
        raise unknown(f"weights of {encoder}", weights, allowed, remedy)
    zoo.require(encoder, weights)
    return weights


def sha256_of_weights(encoder: str, weights: str) -> str:
    """The SHA-256 of resolved weights, 64 hex digits; empty for none and for downloads.

    Raises `UserError` if a file of weights cannot be read.
    """
    if isinstance(weights, WeightsFile):
        return weights.sha256()
    return _zoo(encoder).sha256(encoder, weights)


def check_weights(encoder: str, weights: str, size: int) -> None:
    """Raise `UserError` if weights are those of a file that does not fit the network.

    The file is read and the network is built, for images of `size` pixels a side.
    """
    if isinstance(weights, WeightsFile):
        _check_fit(encoder, weights.path, weights.sha256(), size)


@functools.cache
def _check_fit(encoder: str, path: Path, sha256: str, size: int) -> None:
    """As `check_weights`; once for each content of the file."""
    del sha256
    with torch.random.fork_rng(devices=[]):
        make_network(encoder, WeightsFile(path), size, fetch=True)


def own_image_size(encoder: str, weights: str) -> int:
    """The side of the images that an encoder's weights were trained on, in pixels.

    That of its best published weights if it has none, or weights from a file.
    """
    zoo = _zoo(encoder)
    resolved = resolve_weights(encoder, weights)
    tag = _best(zoo, encoder) if isinstance(resolved, WeightsFile) else resolved
    return zoo.image_size(encoder, tag)


def _best(zoo: Zoo, encoder: str) -> str:
    """The best published weights of an encoder, or none."""
    return [*zoo.weights(encoder), NONE][0]


def _check_encoder(zoo: Zoo, encoder: str) -> None:
    """Raise `UserError` if the library has no such network."""
    encoders = zoo.names()
    bare_name, dot, tag = encoder.partition(".")
    if dot and bare_name in encoders:
        raise UserError(
            f"encoder {encoder!r} has its weights in its name; "
            f"say --encoder {bare_name} --weights {tag}"
        )
    if encoder not in encoders:
        names = [*Packaged().names(), *encoders]
        remedy = f"name a classification network of torchvision, or {TIMM}NAME of timm"
        raise unknown("encoder", encoder, names, remedy)


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
    if encoder in (*PRESET_ENCODERS, *Packaged().names()):
        return None
    # networks take neither time nor memory on the meta device, but some cannot be built there
    error = _error_on("meta", encoder, weights, size)
    if isinstance(error, (RuntimeError, ValueError)):
        error = _error_on("cpu", encoder, weights, size)
    return None if error is None else str(error)


def _error_on(device: str, encoder: str, weights: str, size: int) -> Exception | None:
    """The error when the network is built on `device` and given one image, or None."""
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), torch.device(device):
            network = make_network(encoder, weights, size, fetch=False)
            image = torch.zeros(1, 3, size, size)
            network.module.eval()(image)
    except (AssertionError, RuntimeError, ValueError, TypeError) as error:
        return error
    return None


def _zoo(encoder: str) -> Zoo:
    """The library that an encoder's name belongs to."""
    packaged = Packaged()
    if encoder in packaged.names():
        return packaged
    if encoder.startswith(TIMM):
        return Timm()
    return Torchvision()
