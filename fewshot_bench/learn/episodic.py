"""Training on episodes, for baselines whose loss is that of an episode.

Shapes: M images of a batch, N ways, K shots, Q queries of all ways together, D features.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.errors import UserError
from fewshot_bench.learn.batches import balanced_batches
from fewshot_bench.learn.train import TrainedBaseline
from fewshot_bench.learn.training_settings import TrainingSettings

__all__ = ["EpisodicBaseline", "EpisodicSettings"]


@dataclass(frozen=True, kw_only=True)
class EpisodicSettings(TrainingSettings):
    """The episodes of training, which do not depend on those of the test.

    train_ways: classes of an episode, or all train classes if there are fewer; train_shots,
    train_queries: images of each class.
    """

    train_ways: int = 5
    train_shots: int = 5
    train_queries: int = 5

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("train_ways", 2)
        self.need_at_least("train_shots", 1)
        self.need_at_least("train_queries", 1)


class EpisodicBaseline(TrainedBaseline):
    """A baseline that trains on episodes. A subclass defines the loss of an episode."""

    settings_type = EpisodicSettings
    settings: EpisodicSettings

    @abstractmethod
    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """The loss of an episode, from its features and the way of each query."""

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """The image indices of one training episode after another, class by class.

        Raises `UserError` if the smallest train class has too few images for an episode.
        """
        settings = self.settings
        per_class = settings.train_shots + settings.train_queries
        smallest = int(torch.bincount(labels_M).min())
        if per_class > smallest:
            raise UserError(
                f"train_shots + train_queries = {per_class} is more than "
                f"the {smallest} images of the smallest train class; "
                "lower train_shots or train_queries of this baseline"
            )
        ways = min(settings.train_ways, self.classes)
        return balanced_batches(labels_M, ways, per_class, generator)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """`episode_loss` on one view of each image."""
        del labels_B
        views = self.view(images_BCHW, generator)
        features_MD = self.encode(views)
        support_NKD, query_QD, ways_Q = self.episode(features_MD)
        return self.episode_loss(support_NKD, query_QD, ways_Q)

    def episode(self, batch_M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A batch (M, ...) as an episode.

        Returns support (N, K, ...), queries (Q, ...) and the way of each query (Q,). The first rows
        of each class are its support, the others its queries.
        """
        shots = self.settings.train_shots
        queries = self.settings.train_queries
        by_class = batch_M.unflatten(0, (-1, shots + queries))
        support = by_class[:, :shots]
        query = by_class[:, shots:].flatten(0, 1)
        ways = torch.arange(len(by_class), device=batch_M.device)
        return support, query, ways.repeat_interleave(queries)
