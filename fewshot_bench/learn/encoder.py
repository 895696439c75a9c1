"""Encoders by name: images (B, C, H, W) with values 0 to 255 in, features (B, D) out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.settings import Settings

__all__ = ["Encoder", "EncoderSettings", "Precision", "best_precision", "encoder_names", "resize", "weight_names"]

Precision = Literal["float32", "bf16"]
OF_PRESETS = ("resnet18", "resnet50")  # known without importing torchvision, which takes as long as torch itself
GREY_MEAN, GREY_STD = 0.5, 0.25  # of pixel values divided by 255, where no published weights say otherwise


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Settings):
    """The network and what enters it.

    encoder: a torchvision ResNet; weights: none, or the name of torchvision's published ones; image_size: pixels a side.
    """

    encoder: str = "resnet18"
    weights: str = "none"
    image_size: int = 64

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        if self.encoder not in OF_PRESETS and self.encoder not in encoder_names():
            raise unknown("encoder", self.encoder, encoder_names())
        if self.weights != "none" and self.weights not in weight_names(self.encoder):
            raise unknown(f"weights of {self.encoder}", self.weights, weight_names(self.encoder))
        self.need(self.image_size >= 32, "image_size", "32 or more pixels")


def _zoo() -> Any:
    """torchvision's models, imported when an encoder is made or an unusual name is checked."""
    import torchvision.models

    return torchvision.models


def encoder_names() -> list[str]:
    """The torchvision ResNets that can be asked for."""
    zoo = _zoo()
    return [name for name in zoo.list_models(module=zoo) if "resne" in name]


def weight_names(encoder: str) -> list[str]:
    """What `weights` may be for this encoder."""
    return ["none", *(str(entry.name) for entry in _zoo().get_model_weights(encoder))]


class Encoder(nn.Module):
    """A torchvision ResNet up to its average pooling; grey images are repeated to the three channels it takes.

    Raises `UserError` where weights are neither cached nor downloadable.
    """

    features: int
    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str = "none") -> None:
        super().__init__()
        zoo = _zoo()
        published = None if weights == "none" else zoo.get_model_weights(name)[weights]
        backbone = zoo.get_model(name) if published is None else _fetched(name, published)
        mean, std = (GREY_MEAN,) * 3, (GREY_STD,) * 3
        if published is not None:
            transforms = published.transforms()
            mean, std = tuple(transforms.mean), tuple(transforms.std)
        self.features = backbone.fc.in_features
        backbone.fc = nn.Identity()
        self.backbone = backbone
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D) of images of the size to be used, values 0 to 255."""
        scaled = (images_BCHW - self.mean) / self.std  # a single grey channel broadcasts to three
        features: Tensor = self.backbone(scaled.contiguous(memory_format=torch.channels_last))
        return features


def _fetched(name: str, published: Any) -> Any:
    try:
        return _zoo().get_model(name, weights=published)
    except (OSError, RuntimeError) as error:  # no network, a proxy's refusal, a hash that does not match
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise UserError(
            f"weights {published.name} of {name} cannot be had ({error}); put the file of {published.url} "
            f"into {folder} or use --weights none"
        ) from None


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
