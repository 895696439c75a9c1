"""Encoders by name: images (B, C, H, W) with values 0 to 255 in, features (B, D) out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.learn.zoo import NONE, check_network, network, weights_by_name
from fewshot_bench.settings import Settings

__all__ = ["Encoder", "EncoderSettings", "Precision", "best_precision", "chosen", "resize"]

Precision = Literal["float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The network and what enters it.

    encoder: a torchvision classification model, or timm:NAME; weights: none, DEFAULT (which is recorded under the name
    it stands for), or the name of published ones; image_size: pixels a side.
    """

    encoder: str = "resnet18"
    weights: str = NONE
    image_size: int = 64

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        object.__setattr__(self, "weights", weights_by_name(self.encoder, self.weights))
        self.need(self.image_size >= 32, "image_size", "32 or more pixels")
        check_network(self.encoder, self.weights, self.image_size)


def chosen(settings: type[Settings]) -> set[str]:
    """Which of encoder and image_size a method's settings choose themselves, by a default of their own: no preset's are
    put in their place.
    """
    if not issubclass(settings, EncoderSettings):
        return set()
    return {
        name
        for name in ("encoder", "image_size")
        if getattr(settings, name) != getattr(EncoderSettings, name)
    }


class Encoder(nn.Module):
    """A network without its last layer; grey images are repeated to the three channels it takes.

    features: D, found by trying it. fetch: with its published weights, which a checkpoint makes needless.

    Raises `Unavailable` where weights are neither cached nor downloadable.
    """

    features: int
    mean: Tensor
    std: Tensor

    def __init__(self, settings: EncoderSettings, *, fetch: bool = True) -> None:
        super().__init__()
        made = network(settings.encoder, settings.weights, settings.image_size, fetch=fetch)
        self.backbone = made.module
        self.register_buffer(
            "mean", 255 * torch.tensor(made.mean).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer("std", 255 * torch.tensor(made.std).view(1, 3, 1, 1), persistent=False)
        with torch.inference_mode():
            self.features = self.eval()(
                torch.zeros(1, 1, settings.image_size, settings.image_size)
            ).shape[1]

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D) of images of the size to be used, values 0 to 255."""
        scaled = (images_BCHW - self.mean) / self.std  # a single grey channel broadcasts to three
        features: Tensor = self.backbone(scaled.contiguous(memory_format=torch.channels_last))
        return features


def resize(images_BCHW: Tensor, size: int) -> Tensor:
    """Images (B, C, size, size) as float32, values 0 to 255, by antialiased bilinear interpolation."""
    images = images_BCHW.float()
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def best_precision(device: torch.device) -> Precision:
    """bf16 where the device computes in it, else float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
