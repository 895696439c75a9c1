"""Centred: nearest mean on unit features less the mean of the train images (SimpleShot's CL2N).

Shapes: M train images, D features.
"""

from __future__ import annotations

from fewshot_bench.plugins.rules.prototype import Prototype
from torch import Tensor

from fewshot_bench import Card, unit


class Centred(Prototype):
    """CL2N (section 3): features minus the mean feature of the train images, then unit length."""

    card = Card(
        title="Centred (SimpleShot)",
        paper=(
            "Wang et al.: SimpleShot: Revisiting Nearest-Neighbor Classification "
            "for Few-Shot Learning"
        ),
        year=2019,
    )

    def fit(self, train_MD: Tensor, labels_M: Tensor) -> None:
        """Take the mean (D,) of the train images."""
        del labels_M
        self.centre = train_MD.mean(0)

    def transform(self, features_BD: Tensor) -> Tensor:
        """Centred features of unit length."""
        return unit(features_BD - self.centre)
