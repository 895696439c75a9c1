"""The Siamese network of Deshpande, Minai and Kumar: a small network, pairs and a contrastive loss.

Shapes: B images, P pairs, A and B images that are compared, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card, Published, TrainedBaseline
from fewshot_bench.learn import Augment, OwnNetworkSettings

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601), as the source makes grey
VERIFIED = "pairs drawn at random, where ours are dealt in equal parts of each class"
CITED = "Table II of Phuong et al. (2024), which does not say how pairs classify"


class SmallNetwork(nn.Module):
    """Three 3 x 3 convolutions without pooling, and three full layers, the last of 5 units.

    Images (B, C, S, S), values 0 to 255, C = 1 or 3, to features (B, 5). Of 100 x 100 pixels: 40.3
    million weights, nearly all in the first full layer.
    """

    features = 5

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        layers: list[nn.Module] = []
        for channels, kernels in ((1, 4), (4, 8), (8, 8)):
            layers += [nn.Conv2d(channels, kernels, 3, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.full = nn.Sequential(
            nn.Linear(8 * image_size**2, 500),
            nn.ReLU(),
            nn.Linear(500, 500),
            nn.ReLU(),
            nn.Linear(500, self.features),
        )

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Features (B, 5)."""
        grey_B1SS = images_BCSS
        if images_BCSS.shape[1] == 3:
            luma = images_BCSS.new_tensor(LUMA)[:, None, None]
            grey_B1SS = (images_BCSS * luma).sum(1, keepdim=True)
        maps = self.convolutions(grey_B1SS / 127.5 - 1)
        features: Tensor = self.full(maps.flatten(1))
        return features


@dataclass(frozen=True, kw_only=True)
class SiameseDeshpandeSettings(OwnNetworkSettings):
    """margin: up to which half the distance of different images is pushed; batch_size: images, two
    of a pair: the source's 32 pairs. Views are turned by quarters and mirrored, and not cropped.
    """

    image_size: int = 100
    batch_size: int = 64
    learning_rate: float = 5e-4
    crop: float = 1.0
    margin: float = 2.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_positive("margin")


class SiameseDeshpande(TrainedBaseline):
    """Images of one class come close to each other, others are pushed a margin apart.

    The source asks whether two images show one class: where their distance is below 2.0, though
    training pushes different ones up to 4. It keeps the last of 100 epochs, as we do. Here it also
    answers episodes: the class with the least mean distance wins.
    """

    card = Card(
        title="Siamese network of Deshpande et al.",
        paper="Deshpande, Minai and Kumar: One-shot recognition of manufacturing defects in steel "
        "surfaces (Procedia Manufacturing 48)",
        year=2020,
        published=(
            *Published.table("neu-pairs", VERIFIED, {"1": 0.8322}),
            *Published.table("neu-classify", CITED, {"0.8": 0.9255}),
        ),
    )
    settings_type = SiameseDeshpandeSettings
    settings: SiameseDeshpandeSettings
    same_above = -2.0
    views = 2  # an epoch has as many pairs as there are images

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """The small network with random weights."""
        del fetch  # there are no weights to load
        return SmallNetwork(self.settings.image_size)

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """The first images of the pairs of a batch, then the second ones.

        The first is any image, the second one of the same class with probability 1/2, else one of
        another class. Where there is a single class, all pairs are of it.
        """
        pairs = self.settings.batch_size // 2
        while True:
            first_P = torch.randint(len(labels_M), (pairs,), generator=generator)
            of_one_P = torch.rand(pairs, generator=generator) < 0.5
            is_same_PM = labels_M[first_P][:, None] == labels_M
            is_other_PM = is_same_PM == of_one_P[:, None]
            is_other_PM |= ~is_other_PM.any(1, keepdim=True)
            second_P1 = torch.multinomial(is_other_PM.float(), 1, generator=generator)
            yield torch.cat([first_P, second_P1[:, 0]])

    def passed(self, batch: Tensor) -> int:
        """Both images of each pair are in the batch."""
        return len(batch)

    def view(self, images_BCHW: Tensor, generator: torch.Generator) -> Tensor:
        """Each image, resized, turned by random quarters and mirrored or not."""
        settings = self.settings
        plain = self.plain(images_BCHW)
        if not settings.augment:
            return plain
        size = self.image_size
        augment = Augment(
            size=size, crop=settings.crop, ratio=1.0, flip=settings.flip, rotate=settings.rotate
        )
        return augment(plain, generator)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """The contrastive loss of the pairs of a batch, on one view of each image."""
        features = self.encode(self.view(images_BCHW, generator))
        first_PD, second_PD = features.chunk(2)
        first_P, second_P = labels_B.chunk(2)
        return contrastive(first_PD, second_PD, first_P == second_P, self.settings.margin)

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """Minus the Euclidean distance (A, B) of each a and each b."""
        # without matrix products, which make it depend on how many are compared at once
        return -torch.cdist(a_AD, b_BD, compute_mode="donot_use_mm_for_euclid_dist")


def contrastive(first_PD: Tensor, second_PD: Tensor, is_same_P: Tensor, margin: float) -> Tensor:
    """The mean of d^2 over pairs of one class, and of max(0, margin - d)^2 over the others.

    d is half the Euclidean distance (Hadsell, Chopra and LeCun 2006, with the source's factor).
    """
    half_P = 0.5 * F.pairwise_distance(first_PD, second_PD)
    apart_P = (margin - half_P).clamp(min=0)
    return torch.where(is_same_P, half_P, apart_P).square().mean()
