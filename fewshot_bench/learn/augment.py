"""Random views of a whole batch at once, on the device that holds it.

The views of Phuong, Duc Tin and Hong Trang (2024), section IV.A: a random crop resized to the full size, a rotation by
0, 90, 180 or 270 degrees, a horizontal and a vertical flip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Augment"]


@dataclass(frozen=True)
class Augment:
    """size: pixels a side of a view; crop: least share of the area kept; ratio: largest aspect ratio of a crop; flip:
    probability of each flip. A side longer than the image's is cut to it, so that a crop above 1/ratio keeps a little less.
    """

    size: int
    crop: float = 0.2
    ratio: float = 4 / 3
    flip: float = 0.5
    rotate: bool = True

    def __call__(self, images_BCHW: Tensor, generator: torch.Generator) -> Tensor:
        """One view (B, C, size, size) of each square image: float, of the same value range.

        Views are sampled bilinearly: images should be at most about twice as large as views.
        """
        theta = self._maps(len(images_BCHW), generator).to(images_BCHW.device)
        shape = [*images_BCHW.shape[:2], self.size, self.size]
        grid = F.affine_grid(theta, shape, align_corners=False)
        return F.grid_sample(
            images_BCHW.float(), grid, padding_mode="reflection", align_corners=False
        )

    def _maps(self, count: int, generator: torch.Generator) -> Tensor:
        """Affine maps (B, 2, 3) from a view's coordinates, in [-1, 1], to its image's."""

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=generator)

        area, log_ratio = (
            uniform(self.crop, 1.0),
            uniform(-math.log(self.ratio), math.log(self.ratio)),
        )
        half = torch.sqrt(torch.stack([area * log_ratio.exp(), area / log_ratio.exp()], 1)).clamp(
            max=1.0
        )
        centre = torch.stack([uniform(-1, 1), uniform(-1, 1)], 1) * (1 - half)
        flips = 1 - 2 * (torch.rand(count, 2, generator=generator) < self.flip).float()
        turns = (
            torch.randint(4, (count,), generator=generator)
            if self.rotate
            else torch.zeros(count, dtype=torch.int64)
        )
        quarter = torch.tensor(
            [[[1.0, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]]]
        )
        linear = (half * flips)[:, :, None] * quarter[turns]
        return torch.cat([linear, centre[:, :, None]], dim=2)
