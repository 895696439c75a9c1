"""Random views of a whole batch at once, on the device that holds the images.

The views of Phuong, Duc Tin and Hong Trang (2024), section IV.A: a random crop resized to the full
size, a rotation by 0, 90, 180 or 270 degrees, a horizontal and a vertical flip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Augment"]

# rotations by 0, 90, 180 and 270 degrees
QUARTER_TURNS = (
    ((1.0, 0.0), (0.0, 1.0)),
    ((0.0, -1.0), (1.0, 0.0)),
    ((-1.0, 0.0), (0.0, -1.0)),
    ((0.0, 1.0), (-1.0, 0.0)),
)


@dataclass(frozen=True)
class Augment:
    """Random views: crop, rotation and flips.

    size: pixels a side of a view; crop: smallest share of the area that a crop keeps; ratio:
    largest aspect ratio of a crop; flip: probability of each flip; rotate: whether views are
    rotated. A crop side longer than the image is cut to the image, so that crops above 1/ratio of
    the area may keep a little less.
    """

    size: int
    crop: float = 0.2
    ratio: float = 4 / 3
    flip: float = 0.5
    rotate: bool = True

    def __call__(self, images_BCHW: Tensor, generator: torch.Generator) -> Tensor:
        """One view (B, C, size, size) of each square image: float, in the images' value range.

        Views are sampled bilinearly: images should be at most about twice as large as views.
        """
        count, channels = images_BCHW.shape[:2]
        maps = self._affine_maps(count, generator).to(images_BCHW.device)
        shape = [count, channels, self.size, self.size]
        grid = F.affine_grid(maps, shape, align_corners=False)
        images = images_BCHW.float()
        return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    def _affine_maps(self, count: int, generator: torch.Generator) -> Tensor:
        """Affine maps (B, 2, 3) from coordinates of a view, in [-1, 1], to those of its image."""

        def uniform(low: float, high: float) -> Tensor:
            share = torch.rand(count, generator=generator)
            return low + (high - low) * share

        # drawn on the processor, so that a seed gives the same views on every device;
        # the order of the draws decides which views a seed gives
        area = uniform(self.crop, 1.0)
        log_ratio = uniform(-math.log(self.ratio), math.log(self.ratio))
        squared_sides = torch.stack([area * log_ratio.exp(), area / log_ratio.exp()], 1)
        # half a crop's sides, where half a side of the image is 1
        half = torch.sqrt(squared_sides).clamp(max=1.0)
        offset = torch.stack([uniform(-1, 1), uniform(-1, 1)], 1)
        centre = offset * (1 - half)
        is_flipped = torch.rand(count, 2, generator=generator) < self.flip
        signs = 1 - 2 * is_flipped.float()
        if self.rotate:
            turns = torch.randint(4, (count,), generator=generator)
        else:
            turns = torch.zeros(count, dtype=torch.int64)
        rotation = torch.tensor(QUARTER_TURNS)[turns]
        linear = (half * signs)[:, :, None] * rotation
        return torch.cat([linear, centre[:, :, None]], dim=2)
