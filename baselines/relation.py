"""Relation network: a learned module, in the place of a distance, compares a query with each class.

Shapes: N ways, K shots, Q queries, D features, R units of the relation module.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card
from fewshot_bench.learn import EpisodicBaseline, EpisodicSettings


@dataclass(frozen=True, kw_only=True)
class RelationSettings(EpisodicSettings):
    """relation_units: R, of the relation module's hidden layer."""

    relation_units: int = 128

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("relation_units", 1)


class Relation(EpisodicBaseline):
    """Relation scores are regressed to 1 for the query's class and to 0 for others (Eq. 2).

    Differences from the paper: the module is an MLP on the encoder's pooled features, theirs
    convolves feature maps; a class is the mean of its support, theirs is the sum, so that shots of
    training and test need not match.
    """

    card = Card(
        title="Relation network",
        paper=("Sung et al.: Learning to Compare: Relation Network for Few-Shot Learning (CVPR)"),
        year=2018,
    )
    settings_type = RelationSettings
    settings: RelationSettings

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The relation module. Its first layer is one on the class mean plus one on the query."""
        del classes
        units = self.settings.relation_units
        # one bias is enough for the sum of both layers
        return {
            "of_class": nn.Linear(features, units, bias=False),
            "of_query": nn.Linear(features, units),
            "relation": nn.Linear(units, 1),
        }

    def relations(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Relation scores (Q, N)."""
        class_means_ND = support_NKD.mean(1)
        of_class_NR = self.parts["of_class"](class_means_ND)
        of_query_QR = self.parts["of_query"](query_QD)
        hidden_QNR = F.relu(of_query_QR[:, None] + of_class_NR)
        scores_QN1: Tensor = self.parts["relation"](hidden_QNR)
        return scores_QN1[..., 0].sigmoid()

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """Mean squared error to the one-hot class."""
        scores_QN = self.relations(support_NKD, query_QD)
        one_hot_QN = F.one_hot(ways_Q, len(support_NKD))
        return F.mse_loss(scores_QN, one_hot_QN.float())

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Relation scores (Q, N)."""
        return self.relations(support_NKD, query_QD)
