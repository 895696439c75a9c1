"""Encoders by name: images (B, C, H, W) with values 0 to 255 in, features (B, D) out."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import EmbeddingSettings
from fewshot_bench.errors import UserError
from fewshot_bench.learn.network import NONE
from fewshot_bench.learn.packaged_zoo import PACKAGES as PACKAGED
from fewshot_bench.learn.strided import without_strided_points
from fewshot_bench.learn.zoo import (
    check_image_size,
    check_weights,
    make_network,
    own_image_size,
    resolve_weights,
    sha256_of_weights,
)

__all__ = [
    "Encoder",
    "EncoderSettings",
    "ImageSizeSettings",
    "Precision",
    "best_precision",
    "computes_bf16",
    "exact_convolutions",
    "gains_from_bf16",
    "resize",
]

Precision = Literal["float32", "bf16"]

SMALLEST_IMAGE = 32  # pixels a side
WHITE = 255  # the largest value of a pixel


@dataclass(frozen=True, kw_only=True)
class ImageSizeSettings(EmbeddingSettings):
    """image_size: of the images that enter the network, pixels a side."""

    image_size: int = 64

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.check_image_size()

    def check_image_size(self) -> None:
        """Raise `UserError` if the images are too small."""
        is_allowed = self.image_size >= SMALLEST_IMAGE
        self.need(is_allowed, "image_size", f"{SMALLEST_IMAGE} or more pixels")


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(ImageSizeSettings):
    """The network and the size of its images.

    encoder: a classification network of torchvision, timm:NAME, or efficientnet_lite0, 1 or 2;
    weights: none, DEFAULT (recorded under the name it stands for), the name of published weights,
    or the path of a file (recorded under its last part); weights_sha256: of the file of weights,
    checked if it is given, empty for none and for downloads; image_size: pixels a side, 0 for the
    size that the weights were trained on.
    """

    encoder: str = "resnet18"
    weights: str = NONE
    weights_sha256: str = ""

    def check_image_size(self) -> None:
        """Raise `UserError` if the images are too small, and not of the encoder's own size."""
        is_allowed = self.image_size == 0 or self.image_size >= SMALLEST_IMAGE
        allowed = f"{SMALLEST_IMAGE} or more pixels, or 0 for the encoder's own size"
        self.need(is_allowed, "image_size", allowed)

    def resolved(self) -> Self:
        """These settings, with the values that DEFAULT weights and image size 0 stand for.

        The path of a file of weights becomes a `WeightsFile`, and the digest of weights is added.
        Raises `UserError` if there is no such encoder, if it has no such weights, if the file of
        weights does not fit it or has another digest, or if it takes no images of this size.
        """
        weights = resolve_weights(self.encoder, self.weights)
        sha256 = sha256_of_weights(self.encoder, weights)
        if self.weights_sha256 not in ("", sha256):
            measured = sha256 or "not known before they are downloaded"
            raise UserError(
                f"weights_sha256={self.weights_sha256} is not that of weights {weights!s}, which "
                f"is {measured}; take the file that was meant, or leave weights_sha256 out"
            )
        size = self.image_size or own_image_size(self.encoder, weights)
        check_image_size(self.encoder, weights, size)
        check_weights(self.encoder, weights, size)
        return dataclasses.replace(self, weights=weights, weights_sha256=sha256, image_size=size)

    def as_dict(self) -> dict[str, Any]:
        """Field name -> value, JSON-serialisable. Of a file of weights it has the name alone."""
        return {**super().as_dict(), "weights": str(self.weights)}


class Encoder(nn.Module):
    """A network without its last layer. It repeats grey images to three channels.

    features: D, measured on an empty image; image_size: pixels a side. fetch: load the weights that
    the settings name; not needed when a checkpoint replaces them. Raises as `make_network`.
    """

    features: int
    image_size: int
    mean: Tensor
    std: Tensor

    def __init__(self, settings: EncoderSettings, *, fetch: bool = True) -> None:
        super().__init__()
        size = settings.image_size or own_image_size(settings.encoder, settings.weights)
        self.image_size = size
        if fetch:
            _check_unchanged(settings)
        network = make_network(settings.encoder, settings.weights, size, fetch=fetch)
        self.backbone = network.module
        without_strided_points(self.backbone)
        mean = torch.tensor(network.mean).view(1, 3, 1, 1)
        std = torch.tensor(network.std).view(1, 3, 1, 1)
        self.register_buffer("mean", WHITE * mean, persistent=False)
        self.register_buffer("std", WHITE * std, persistent=False)
        self.eval()
        with torch.inference_mode():
            empty_image = torch.zeros(1, 1, size, size)
            self.features = self(empty_image).shape[1]

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D) of images of the settings' size, values 0 to 255."""
        # mean and std have three channels, so that a single grey channel broadcasts to three
        normalised = (images_BCHW - self.mean) / self.std
        # the memory layout in which convolutions are fastest
        channels_last = normalised.contiguous(memory_format=torch.channels_last)
        features: Tensor = self.backbone(channels_last)
        return features


def _check_unchanged(settings: EncoderSettings) -> None:
    """Raise `UserError` if a file of weights is not the one that the settings were made for."""
    planned = settings.weights_sha256
    if planned and sha256_of_weights(settings.encoder, settings.weights) != planned:
        raise UserError(f"weights {settings.weights!s} have changed meanwhile; run again")


def resize(images_BCHW: Tensor, size: int) -> Tensor:
    """Images (B, C, size, size), float32, values 0 to 255: antialiased bilinear interpolation."""
    images = images_BCHW.float()
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


@contextlib.contextmanager
def exact_convolutions() -> Iterator[None]:
    """Convolutions in full float32 within the block, on a GPU too.

    By default cuDNN rounds their inputs to TF32, 10 bits after the point. Features then depend on
    the batch, and differ from those of a processor.
    """
    convolutions = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def computes_bf16(device: torch.device) -> bool:
    """Whether the device computes in bf16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def gains_from_bf16(device: str, encoder: str) -> bool:
    """Whether an encoder trains faster in bf16, on a kind of device (cpu or cuda) that has it.

    On processors EfficientNet-Lite trains half as fast in bf16: most of its layers convolve each
    channel alone.
    """
    return device == "cuda" or encoder not in PACKAGED


def best_precision(device: str, encoder: str, *, bf16: bool) -> Precision:
    """The faster one in training. bf16: whether a device of this kind may compute in it."""
    return "bf16" if bf16 and gains_from_bf16(device, encoder) else "float32"
