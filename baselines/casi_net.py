"""CASI-Net, as we read its abstract: a small network, coordinate attention, self-interaction.

Shapes: B images, C channels, H x W places of a feature map, R channels inside an attention.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor, nn

from fewshot_bench import Card, Published
from fewshot_bench.learn import OwnNetworkSettings

STEM = 16  # channels
STAGES = (16, 24, 32, 64)  # channels; each stage but the first halves height and width
REDUCTION = 32
FEWEST_INSIDE = 8  # channels inside an attention


class CoordinateAttention(nn.Module):
    """Each place times a number of its row and one of its column (Hou et al. 2021).

    Both are of 0 to 1, for each channel, and come from the means of all rows and columns, which
    pass one convolution together.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = max(FEWEST_INSIDE, channels // REDUCTION)
        self.together = nn.Sequential(
            nn.Conv2d(channels, inside, 1, bias=False), nn.BatchNorm2d(inside), nn.Hardswish()
        )
        self.of_rows = nn.Conv2d(inside, channels, 1)
        self.of_columns = nn.Conv2d(inside, channels, 1)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """(B, C, H, W)."""
        height, width = maps_BCHW.shape[2:]
        rows_BCH1 = maps_BCHW.mean(3, keepdim=True)
        columns_BC1W = maps_BCHW.mean(2, keepdim=True)
        columns_BCW1 = columns_BC1W.transpose(2, 3)
        inside = self.together(torch.cat([rows_BCH1, columns_BCW1], dim=2))
        rows_BRH1, columns_BRW1 = inside.split([height, width], dim=2)
        gate_BCH1 = self.of_rows(rows_BRH1).sigmoid()
        gate_BC1W = self.of_columns(columns_BRW1.transpose(2, 3)).sigmoid()
        gated: Tensor = maps_BCHW * gate_BCH1 * gate_BC1W
        return gated


class SelfInteraction(nn.Module):
    """The map plus a product of two projections of it: one sees its rows, the other its columns.

    Each projection is a 1 x 1 convolution, times a gate of 0 to 1 from the means of the rows, or of
    the columns. Our reading: the abstract only names it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 1)
        self.of_rows = nn.Conv2d(channels, channels, 1)
        self.of_columns = nn.Conv2d(channels, channels, 1)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """(B, C, H, W)."""
        gate_BCH1 = self.of_rows(maps_BCHW.mean(3, keepdim=True)).sigmoid()
        gate_BC1W = self.of_columns(maps_BCHW.mean(2, keepdim=True)).sigmoid()
        by_rows = self.first(maps_BCHW) * gate_BCH1
        by_columns = self.second(maps_BCHW) * gate_BC1W
        together: Tensor = maps_BCHW + by_rows * by_columns
        return together


class InvertedResidual(nn.Module):
    """Widen, convolve each channel alone, narrow (MobileNetV2, Sandler et al. 2018)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        self.layers = nn.Sequential(
            *_convolution(channels_in, wide, 1),
            nn.Hardswish(),
            *_convolution(wide, wide, 3, stride=stride, groups=wide),
            nn.Hardswish(),
            *_convolution(wide, channels_out, 1),
        )
        self.is_residual = stride == 1 and channels_in == channels_out

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) of the new width, height and number of channels."""
        result: Tensor = self.layers(maps_BCHW)
        return maps_BCHW + result if self.is_residual else result


def _convolution(
    channels_in: int, channels_out: int, size: int, *, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(
        channels_in, channels_out, size, stride, padding=size // 2, groups=groups, bias=False
    )
    return convolution, nn.BatchNorm2d(channels_out)


@dataclass(frozen=True, kw_only=True)
class CasiNetSettings(OwnNetworkSettings):
    """blocks: inverted residuals of each stage; expansion: how much wider they are inside.

    attention: coordinate attention after each stage; interaction: self-interaction at the end.
    """

    blocks: int = 2
    expansion: int = 4
    attention: bool = True
    interaction: bool = True
    learning_rate: float = 1e-3

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("blocks", 1)
        self.need_at_least("expansion", 1)


class CasiEncoder(nn.Module):
    """Stem, four stages, self-interaction, mean over all places: 64 features."""

    def __init__(self, settings: CasiNetSettings) -> None:
        super().__init__()
        self.features = STAGES[-1]
        self.image_size = settings.image_size
        layers = [*_convolution(3, STEM, 3, stride=2), nn.Hardswish()]
        channels = STEM
        for number, width in enumerate(STAGES):
            for block in range(settings.blocks):
                stride = 2 if number > 0 and block == 0 else 1
                layers.append(InvertedResidual(channels, width, stride, settings.expansion))
                channels = width
            if settings.attention:
                layers.append(CoordinateAttention(channels))
        if settings.interaction:
            layers.append(SelfInteraction(channels))
        self.layers = nn.Sequential(*layers)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D) of images with values 0 to 255."""
        colour = images_BCHW.expand(-1, 3, -1, -1)  # grey images get three channels
        maps: Tensor = self.layers((colour / 255 - 0.5) / 0.25)
        return maps.mean((2, 3))


class CasiNet(ResNet):
    """A small network from random weights, trained with cross-entropy as `resnet`.

    Known from the abstract: a light extractor, coordinate attention, "self-interaction". The
    number of stages, their widths, and what self-interaction computes are our reading.
    """

    card = Card(
        title="CASI-Net (our reading)",
        paper="Li et al.: CASI-Net: A novel and effect steel surface defect classification method "
        "based on coordinate attention and self-interaction mechanism (Mathematics 10, 963)",
        year=2022,
        published=Published.table(
            "neu-classify", "cited as [26] in Table II of Phuong et al. (2024)", {"0.7": 0.9598}
        ),
    )
    settings_type = CasiNetSettings
    settings: CasiNetSettings

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """The network; there are no published weights."""
        del fetch
        return CasiEncoder(self.settings)
