"""The batches of a training: which images, and what is known of them beside their class.

Shapes: M train images, B images of a batch, C channels, S pixels a side, P kinds of defect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Sees
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.encoder import resize

__all__ = ["Batch", "TrainImages", "balanced_batches", "shuffled_batches"]

# train images are stored at up to twice the size of a view, so that a crop shows detail, not blur
STORED_SCALE = 2
RESIZED_AT_ONCE = 256  # images


@dataclass(frozen=True)
class Batch:
    """What a training sees of one batch.

    images_BCHW: values 0 to 255, of the stored size; labels_B: classes; masks_B1HW: 255 where the
    defect is, else 0, of the size of the images; defects_BP: 1 for each kind of defect that an
    image shows, else 0; share: of the budget of passes that is spent, 0 to 1.
    A baseline gets the masks and defects that its `sees` names, where the data set has them: masks
    are None where it has none, and each class is its own defect where no class is made of several.
    """

    images_BCHW: Tensor
    labels_B: Tensor
    masks_B1HW: Tensor | None
    defects_BP: Tensor | None
    share: float


class TrainImages:
    """All train images on the device, uint8, and what else a baseline may see of them.

    view_size: pixels a side of a view; the images are stored at 1 to 2 times this size.
    """

    def __init__(
        self, train: LabelledImages, view_size: int, device: torch.device, sees: Sees
    ) -> None:
        largest = STORED_SCALE * view_size
        size = max(view_size, min(train.images.shape[-1], largest))
        self.images_MCSS = _stored(train.images, size, device)
        self.labels_M = torch.from_numpy(train.labels).to(device)
        self.masks_M1SS: Tensor | None = None
        self.defects_MP: Tensor | None = None
        masks_MHW = train.masks() if "masks" in sees else None
        if masks_MHW is not None:
            self.masks_M1SS = _stored(masks_MHW[:, None], size, device)
        if "defects" in sees:
            defects_MP = train.defects_CP[train.labels]
            self.defects_MP = torch.from_numpy(defects_MP).float().to(device)

    def batch(self, indices_B: Tensor, share: float) -> Batch:
        """The images at these indices."""
        indices = indices_B.to(self.labels_M.device)
        masks = None if self.masks_M1SS is None else self.masks_M1SS[indices].float()
        defects = None if self.defects_MP is None else self.defects_MP[indices]
        images = self.images_MCSS[indices].float()
        return Batch(images, self.labels_M[indices], masks, defects, share)


def _stored(images_MCHW: npt.NDArray[np.uint8], size: int, device: torch.device) -> Tensor:
    """The images (M, C, size, size), uint8, on the device."""
    stored = []
    for images in torch.from_numpy(images_MCHW).split(RESIZED_AT_ONCE):
        resized = resize(images.to(device), size)
        stored.append(resized.round().clamp(0, 255).byte())
    return torch.cat(stored)


def shuffled_batches(labels_M: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices of every image once an epoch, in random order.

    The iterator does not end. Images that do not fill a batch at the end of an epoch are dropped.
    """
    count = len(labels_M)
    size = min(size, count)
    used = count // size * size
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order[:used].split(size)


def balanced_batches(
    labels_M: Tensor, ways: int, per_class: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Indices of `per_class` random images of each of `ways` random classes, class by class.

    The iterator does not end. Neither a class nor an image occurs twice in a batch.
    """
    classes = int(labels_M.max()) + 1
    images_of = [torch.nonzero(labels_M == label).ravel() for label in range(classes)]
    while True:
        batch = []
        for label in torch.randperm(classes, generator=generator)[:ways].tolist():
            images = images_of[label]
            order = torch.randperm(len(images), generator=generator)
            batch.append(images[order[:per_class]])
        yield torch.cat(batch)
