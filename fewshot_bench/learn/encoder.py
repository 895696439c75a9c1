"""Encoders by name: images (B, C, H, W) with values 0 to 255 in, features (B, D) out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.learn.network import NONE
from fewshot_bench.learn.zoo import check_image_size, make_network, resolve_weights
from fewshot_bench.settings import Settings

__all__ = [
    "Encoder",
    "EncoderSettings",
    "Precision",
    "best_precision",
    "chosen_by_method",
    "resize",
]

Precision = Literal["float32", "bf16"]

SMALLEST_IMAGE = 32  # pixels a side
WHITE = 255  # the largest value of a pixel


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The network and the size of its images.

    encoder: a classification network of torchvision, or timm:NAME; weights: none, DEFAULT (recorded
    under the name it stands for), or the name of published weights; image_size: pixels a side.
    """

    encoder: str = "resnet18"
    weights: str = NONE
    image_size: int = 64

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        large_enough = self.image_size >= SMALLEST_IMAGE
        self.need(large_enough, "image_size", f"{SMALLEST_IMAGE} or more pixels")

    def resolved(self) -> Self:
        """These settings, with the name of the published weights in the place of DEFAULT.

        Raises `UserError` if there is no such encoder, if it has no such weights, or if it takes no
        images of this size.
        """
        weights = resolve_weights(self.encoder, self.weights)
        check_image_size(self.encoder, weights, self.image_size)
        return dataclasses.replace(self, weights=weights)


def chosen_by_method(settings_type: type[Settings]) -> set[str]:
    """Which of encoder and image_size a method sets itself, by another default.

    Presets do not replace these.
    """
    if not issubclass(settings_type, EncoderSettings):
        return set()
    chosen = set()
    for name in ("encoder", "image_size"):
        default = getattr(settings_type, name)
        if default != getattr(EncoderSettings, name):
            chosen.add(name)
    return chosen


class Encoder(nn.Module):
    """A network without its last layer. It repeats grey images to three channels.

    features: D, measured on an empty image. fetch: load the published weights that the settings
    name; not needed when a checkpoint replaces them.

    Raises `Unavailable` if published weights are neither cached nor downloadable.
    """

    features: int
    mean: Tensor
    std: Tensor

    def __init__(self, settings: EncoderSettings, *, fetch: bool = True) -> None:
        super().__init__()
        size = settings.image_size
        network = make_network(settings.encoder, settings.weights, size, fetch=fetch)
        self.backbone = network.module
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


def resize(images_BCHW: Tensor, size: int) -> Tensor:
    """Images (B, C, size, size), float32, values 0 to 255: antialiased bilinear interpolation."""
    images = images_BCHW.float()
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def best_precision(device: torch.device) -> Precision:
    """bf16 if the device computes in it natively, else float32."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16" if native else "float32"
