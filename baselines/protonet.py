"""Prototypical networks: episodic training, the nearest class mean decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.errors import UserError
from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings, balanced_batches


@dataclass(frozen=True, kw_only=True)
class ProtoNetSettings(TrainingSettings):
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


class ProtoNet(TrainedBaseline):
    """Learns features in which the squared Euclidean distance to the mean of its support tells a class."""

    card = Card(
        standard=True,
        title="ProtoNet",
        paper="Snell et al.: Prototypical Networks for Few-shot Learning (NeurIPS)",
        year=2017,
    )
    rule = "prototype"
    settings_type = ProtoNetSettings
    settings: ProtoNetSettings

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """One training episode after another, its images class by class."""
        per_class = self.settings.train_shots + self.settings.train_queries
        fewest = int(torch.bincount(labels_M).min())
        if per_class > fewest:
            raise UserError(
                f"train_shots + train_queries = {per_class} is more than the {fewest} images of the smallest train class; "
                "lower protonet.train_shots or protonet.train_queries"
            )
        return balanced_batches(labels_M, min(self.settings.train_ways, self.classes), per_class, generator)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy over minus squared distances between queries and prototypes."""
        s = self.settings
        features = self.encode(self.view(images_BCHW, generator))
        features_NMD = features.view(-1, s.train_shots + s.train_queries, features.shape[1])
        prototypes_ND = features_NMD[:, : s.train_shots].mean(1)
        queries_QD = features_NMD[:, s.train_shots :].flatten(0, 1)
        answers = torch.arange(len(prototypes_ND), device=labels_B.device).repeat_interleave(s.train_queries)
        return F.cross_entropy(-torch.cdist(queries_QD, prototypes_ND).square(), answers)
