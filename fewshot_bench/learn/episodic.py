"""Training on episodes, for the baselines whose loss is that of an episode.

Shapes: M images of a batch, N ways, K shots, Q queries of all ways together, D features.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.errors import UserError
from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings, balanced_batches

__all__ = ["EpisodicBaseline", "EpisodicSettings"]


@dataclass(frozen=True, kw_only=True)
class EpisodicSettings(TrainingSettings):
    """The episodes of training, which are not those of the test.

    train_ways: classes of an episode, or as many as there are; train_shots, train_queries: images a class.
    """

    train_ways: int = 5
    train_shots: int = 5
    train_queries: int = 5

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(self.train_ways >= 2, "train_ways", "2 or more")
        self.need(self.train_shots >= 1, "train_shots", "1 or more")
        self.need(self.train_queries >= 1, "train_queries", "1 or more")


class EpisodicBaseline(TrainedBaseline):
    """A baseline that trains its encoder on one episode after another: a subclass says what the loss of one is."""

    settings_type = EpisodicSettings
    settings: EpisodicSettings

    @abstractmethod
    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """The loss of an episode, from its features and the way of each query."""

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """One training episode after another, its images class by class."""
        per_class = self.settings.train_shots + self.settings.train_queries
        fewest = int(torch.bincount(labels_M).min())
        if per_class > fewest:
            raise UserError(
                f"train_shots + train_queries = {per_class} is more than the {fewest} images of the smallest train class; "
                "lower train_shots or train_queries of this baseline"
            )
        return balanced_batches(
            labels_M, min(self.settings.train_ways, self.classes), per_class, generator
        )

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """`episode_loss` on one view of each image."""
        del labels_B
        return self.episode_loss(*self.episode(self.encode(self.view(images_BCHW, generator))))

    def episode(self, rows_M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A batch as an episode: support (N, K, ...), queries (Q, ...) and the way (Q,) of each query.

        Of every class the first rows are the support, the others the queries.
        """
        s = self.settings
        rows_NM = rows_M.unflatten(0, (-1, s.train_shots + s.train_queries))
        ways_Q = torch.arange(len(rows_NM), device=rows_M.device).repeat_interleave(s.train_queries)
        return rows_NM[:, : s.train_shots], rows_NM[:, s.train_shots :].flatten(0, 1), ways_Q
