"""LBP: histograms of local binary patterns, a texture descriptor from before learned features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Card

CIRCLES = (
    (8, 1),
    (16, 2),
    (24, 3),
)  # neighbours P on a circle of radius R pixels: those of the paper
LUMA = (
    0.299,
    0.587,
    0.114,
)  # ITU-R BT.601; with equal weights the channels of a wafer map would all average to one grey


class Lbp(Baseline):
    """Rotation-invariant uniform patterns LBP^riu2_P,R at three resolutions (Ojala et al. 2002).

    The histograms are compared by the Bhattacharyya coefficient, averaged over the resolutions.
    """

    card = Card(
        title="Local binary patterns",
        paper="Ojala et al.: Multiresolution Gray-Scale and Rotation Invariant Texture Classification with LBP (TPAMI)",
        year=2002,
    )
    rule = "mean_cosine"
    needs = ("skimage", "texture")

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Square roots (B, 54) of the three histograms, of 10, 18 and 26 bins; a colour image is made grey first."""
        grey = images_BCHW.float()
        if images_BCHW.shape[1] == 3:
            grey = (
                (grey * torch.tensor(LUMA, device=grey.device).view(3, 1, 1))
                .sum(1, keepdim=True)
                .round()
            )
        rows = [
            np.concatenate([_histogram(image, *circle) for circle in CIRCLES])
            for image in grey[:, 0].byte().cpu().numpy()
        ]
        return torch.from_numpy(np.sqrt(np.stack(rows))).float().to(images_BCHW.device)


def _histogram(
    image_HW: npt.NDArray[np.uint8], neighbours: int, radius: int
) -> npt.NDArray[np.float64]:
    """Shares (P + 2,) of the patterns, over the pixels whose circle lies within the image."""
    from skimage.feature import local_binary_pattern

    codes = local_binary_pattern(image_HW, neighbours, radius, method="uniform")[
        radius:-radius, radius:-radius
    ]
    counts = np.bincount(codes.astype(np.int64).ravel(), minlength=neighbours + 2)
    return np.asarray(counts / codes.size)
