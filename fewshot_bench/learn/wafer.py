"""What methods for wafer maps share: die states as numbers, enlargement by area, batch moments.

Shapes: B images of C channels and H x W pixels, S pixels a side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.encoder import resize

__all__ = ["KerasBatchNorm", "area_resize", "die_numbers", "measure_moments"]

FAILED = 2  # the number of a failed die; 0 is no die, 1 a good die
WHITE = 255  # the largest value of a pixel
MEASURED_AT_ONCE = 32  # images
MOST_MEASURED = 2048


def die_numbers(images_BCHW: Tensor) -> Tensor:
    """Die states (B, 1, H, W) as numbers: 0 no die, 1 good die, 2 failed die.

    Three channels are the three states, each 0 or 255. A grey picture of another data set has no
    states: its values are scaled from 0..255 to 0..2.
    """
    images = images_BCHW.float()
    if images.shape[1] == 1:
        return images * (FAILED / WHITE)
    good_B1HW = images[:, 1:2]
    failed_B1HW = images[:, 2:3]
    return (good_B1HW + FAILED * failed_B1HW) / WHITE


def area_resize(images_BCHW: Tensor, size: int) -> Tensor:
    """Images (B, C, S, S): each new pixel is the mean of the area that it covers.

    Of an enlarged image all pixels are copies, but those that lie across a border.
    """
    rows = _overlaps(images_BCHW.shape[-2], size, images_BCHW.device)
    columns = _overlaps(images_BCHW.shape[-1], size, images_BCHW.device)
    return rows @ images_BCHW.float() @ columns.T


def _overlaps(old: int, new: int, device: torch.device) -> Tensor:
    """(new, old): which share of each new pixel lies in each old one."""
    step = old / new  # a new pixel, in old ones
    begins = step * torch.arange(new, dtype=torch.float64, device=device)[:, None]
    cells = torch.arange(old, dtype=torch.float64, device=device)
    first = torch.maximum(begins, cells)
    last = torch.minimum(begins + step, cells + 1)
    shares = (last - first).clamp(min=0) / step
    return shares.float()


class KerasBatchNorm(nn.BatchNorm2d):
    """Batch normalisation with the constants of Keras: eps 0.001, moments that keep 0.99 a batch.

    A short training would never reach moments that keep so much. So they keep (1 + n) / (10 + n)
    of themselves at batch n, as long as that is less: TensorFlow's rule for moving averages.
    """

    EPSILON = 1e-3
    MOST_KEPT = 0.99

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=self.EPSILON)
        self.is_measuring = False  # the moments become the mean of those of all batches

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """Normalised maps; in training by the moments of the batch."""
        if self.is_measuring:
            self.momentum = None
        elif self.training:
            batches = int(self.get_buffer("num_batches_tracked"))
            kept = min(self.MOST_KEPT, (1 + batches) / (10 + batches))
            self.momentum = 1 - kept
        normalised: Tensor = super().forward(maps_BCHW)
        return normalised


def measure_moments(network: nn.Module, train: LabelledImages) -> None:
    """Measure the moments of a network's `KerasBatchNorm` layers anew, for its weights as they are.

    Those kept in training are of earlier weights, and of maps with dropout: after a short training
    they are far off. Here they are means over batches, without dropout, of at most 2,048 images,
    evenly spaced, at the network's `image_size`. It is in evaluation mode afterwards.
    """
    network.eval()
    norms = [layer for layer in network.modules() if isinstance(layer, KerasBatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.is_measuring = True
        norm.train()
    device = next(network.parameters()).device
    size: int = network.image_size  # type: ignore[assignment]
    step = -(-len(train) // MOST_MEASURED)
    images = torch.from_numpy(train.images[::step])
    batches = max(1, len(images) // MEASURED_AT_ONCE)
    with torch.no_grad():
        for first in range(batches):
            # evenly spaced, so that each batch has images of all classes
            batch = images[first::batches].to(device)
            network(resize(batch, size))
    for norm in norms:
        norm.is_measuring = False
        norm.eval()
