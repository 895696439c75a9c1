"""Focal loss with a sigmoid a class: rare and hard pictures weigh more than those it knows well."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor

from fewshot_bench import Card, TrainingSettings
from fewshot_bench.learn import sigmoid_focal


@dataclass(frozen=True, kw_only=True)
class FocalSettings(TrainingSettings):
    """gamma: 0 is binary cross-entropy, more is less weight to what is right already.

    balance: the weight of a picture's own class, one less it that of each other (alpha).
    """

    gamma: float = 2.0
    balance: float = 0.25

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("gamma", 0)
        self.need(0 <= self.balance <= 1, "balance", "0 to 1")


class Focal(ResNet):
    """`resnet` with binary focal loss; the class with the highest score wins.

    The source trains ResNet-50 on three steel defects of another data set, where a picture may have
    several, and prints a binary accuracy of 96.91, so that no figure here compares. It does not
    print gamma and balance: these are those of Lin et al. (2017).
    """

    card = Card(
        title="Focal loss",
        paper="Konovalenko et al.: Steel Surface Defect Classification Using Deep Residual Neural "
        "Network (Metals 10, 846)",
        year=2020,
    )
    settings_type = FocalSettings
    settings: FocalSettings

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Focal loss of each class, on one view of each image."""
        settings = self.settings
        views = self.view(images_BCHW, generator)
        scores_BC = self.parts["classifier"](self.encode(views))
        target_BC = F.one_hot(labels_B, scores_BC.shape[1]).float()
        return sigmoid_focal(scores_BC, target_BC, gamma=settings.gamma, balance=settings.balance)
