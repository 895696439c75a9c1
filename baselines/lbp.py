"""LBP: histograms of local binary patterns, a texture descriptor from before learned features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench import Baseline, Card

# the paper's P neighbours on a circle of radius R pixels
CIRCLES = ((8, 1), (16, 2), (24, 3))
# ITU-R BT.601; with equal weights every die of a wafer map would get the same grey
LUMA = (0.299, 0.587, 0.114)


class Lbp(Baseline):
    """Rotation-invariant uniform patterns LBP^riu2_P,R at three resolutions (Ojala et al. 2002).

    The histograms are compared by the Bhattacharyya coefficient, averaged over the resolutions.
    """

    card = Card(
        title="Local binary patterns",
        paper=(
            "Ojala et al.: Multiresolution Gray-Scale and Rotation Invariant Texture "
            "Classification with LBP (TPAMI)"
        ),
        year=2002,
    )
    rule = "mean_cosine"
    learns_from = "nothing"
    needs = ("skimage", "texture")

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Square roots (B, 54) of the histograms, of 10, 18 and 26 bins, of grey images."""
        rows = []
        for image_HW in _grey(images_BCHW).cpu().numpy():
            histograms = []
            for neighbours, radius in CIRCLES:
                histograms.append(_histogram(image_HW, neighbours, radius))
            rows.append(np.concatenate(histograms))
        roots = np.sqrt(np.stack(rows))
        return torch.from_numpy(roots).float().to(images_BCHW.device)


def _grey(images_BCHW: Tensor) -> Tensor:
    """Grey images (B, H, W), uint8."""
    images = images_BCHW.float()
    if images.shape[1] == 3:
        weights = torch.tensor(LUMA, device=images.device).view(3, 1, 1)
        images = (images * weights).sum(1, keepdim=True).round()
    return images[:, 0].byte()


def _histogram(
    image_HW: npt.NDArray[np.uint8], neighbours: int, radius: int
) -> npt.NDArray[np.float64]:
    """Shares (P + 2,) of the patterns, over the pixels whose circle lies within the image."""
    from skimage.feature import local_binary_pattern

    codes_HW = local_binary_pattern(image_HW, neighbours, radius, method="uniform")
    inner_HW = codes_HW[radius:-radius, radius:-radius]
    # codes 0 to P count the brighter neighbours of uniform patterns, P + 1 is all other patterns
    codes = inner_HW.astype(np.int64).ravel()
    counts = np.bincount(codes, minlength=neighbours + 2)
    return np.asarray(counts / codes.size)
