"""Whitened: unit mean on features in which the train classes vary alike in every direction.

Shapes: M train images, B images, D features.
"""

from __future__ import annotations

import torch
from fewshot_bench.plugins.rules.unit_mean import UnitMean
from torch import Tensor

from fewshot_bench import Card, NotApplicable, unit


class Whitened(UnitMean):
    """Within-class covariance normalisation, with S = U diag(e) U' of the train classes.

    Features less the mean of the train images are divided by sqrt(e + mean(e)) along U, then by
    their length. Inner products need no U: L^-1 x has the same for LL' = S + mean(e) I, and a
    Cholesky decomposition is much cheaper than one by eigenvectors.
    """

    card = Card(
        title="Whitened by the train classes",
        paper=(
            "Hatch et al.: Within-class Covariance Normalization "
            "for SVM-based Speaker Recognition (Interspeech)"
        ),
        year=2006,
    )

    def fit(self, train_MD: Tensor, labels_M: Tensor) -> None:
        """Take the mean (D,) of the train images and the covariance within their classes.

        Raises `NotApplicable` if no class varies.
        """
        self.centre = train_MD.mean(0)
        residuals_MD = train_MD.double()
        for label in labels_M.unique():
            is_of_class = labels_M == label
            residuals_MD[is_of_class] -= residuals_MD[is_of_class].mean(0)
        covariance_DD = residuals_MD.T @ residuals_MD / len(residuals_MD)
        mean_variance = covariance_DD.trace() / len(covariance_DD)
        if mean_variance == 0:
            raise NotApplicable("no train class varies: it needs two different images of one")
        # mean_variance is added to each variance, so that no direction has none
        regular_DD = covariance_DD + mean_variance * torch.eye(len(covariance_DD))
        self.factor_DD = torch.linalg.cholesky(regular_DD).float()

    def transform(self, features_BD: Tensor) -> Tensor:
        """Whitened features of unit length."""
        centred_DB = (features_BD - self.centre).T
        whitened_DB = torch.linalg.solve_triangular(self.factor_DD, centred_DB, upper=False)
        return unit(whitened_DB.T)
