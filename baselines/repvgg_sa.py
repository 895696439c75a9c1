"""RepVGG with spatial attention: a gate says where on the strip to look.

Shapes: B images, C channels, H x W places of a feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor, nn

from fewshot_bench import ALL_CLASSES, Card, Published
from fewshot_bench.learn import Encoder, EncoderSettings, OwnNetworkSettings

DIFFERS = "RepVGG-B3g4, 224 x 224 pixels, 100 epochs, one split into 952 train and 408 test images"


class SpatialGate(nn.Module):
    """Each place of a feature map times a number of 0 to 1, which its channels decide.

    The number is the sigmoid of a convolution over the mean and the maximum of the channels, `size`
    x `size`, without bias (Woo et al. 2018).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, size, padding=size // 2, bias=False)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """(B, C, H, W)."""
        mean_B1HW = maps_BCHW.mean(1, keepdim=True)
        most_B1HW = maps_BCHW.amax(1, keepdim=True)
        gate_B1HW = self.convolution(torch.cat([mean_B1HW, most_B1HW], dim=1)).sigmoid()
        gated: Tensor = maps_BCHW * gate_B1HW
        return gated


@dataclass(frozen=True, kw_only=True)
class RepVggSaSettings(OwnNetworkSettings):
    """network: timm's name; the source has repvgg_b3g4 (81 million weights); gate: side of the
    gate's convolution, odd, 0 for no gate. The source trains on plain images of 224 x 224 pixels.
    """

    network: Literal["repvgg_a0", "repvgg_a2", "repvgg_b1g4", "repvgg_b3g4"] = "repvgg_a0"
    gate: int = 7
    batch_size: int = 10
    learning_rate: float = 1e-4
    augment: bool = False

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        is_allowed = self.gate == 0 or (self.gate > 0 and self.gate % 2 == 1)
        self.need(is_allowed, "gate", "an odd number, or 0 for no gate")


class RepVggSa(ResNet):
    """Trained from random weights with cross-entropy, as `resnet`.

    The gate stands after stage 0, the first block, and nowhere else, as in the authors' code. The
    source only classifies; the rule of episodes is our choice.
    """

    card = Card(
        title="RepVGG with spatial attention",
        paper="Feng, Gao and Luo: X-SDD: a new benchmark for hot rolled steel strip surface "
        "defects detection (Symmetry 13, 706)",
        year=2021,
        published=(
            Published("xsdd-classify", "0.7", 0.9510, DIFFERS),
            Published("xsdd-classify", "0.7", 0.9392, DIFFERS, ALL_CLASSES),
        ),
    )
    rule = "unit_mean"
    needs = ("timm", "timm")
    settings_type = RepVggSaSettings
    settings: RepVggSaSettings

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """timm's network with the gate behind its first block."""
        del fetch  # there are no weights to load
        settings = self.settings
        encoder = Encoder(
            EncoderSettings(encoder=f"timm:{settings.network}", image_size=settings.image_size)
        )
        if settings.gate:
            stage_0 = encoder.backbone.get_submodule("stem")
            gated = nn.Sequential(stage_0, SpatialGate(settings.gate))
            encoder.backbone.register_module("stem", gated)
        return encoder
