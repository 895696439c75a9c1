"""A rule as a baseline, so that rules are held to the same contract.

Shapes: B images, D features, N ways, K shots, Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Card, Context, EmbeddingSettings
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.encoder import resize
from fewshot_bench.rule import Rule

__all__ = ["rule_as_baseline"]

SIDE = 8  # frequencies of a thumbnail, whose sizes are the features
WHITE = 255


def rule_as_baseline(rule_class: type[Rule]) -> type[Baseline]:
    """A baseline that answers by this rule, on features that no training changes."""
    card = rule_class.card
    shown = Card(
        title=card.title,
        paper=card.paper,
        transductive=card.transductive,
        label_equivariant=card.label_equivariant,
    )
    attributes = {"card": shown, "rule_class": rule_class}
    return type(rule_class.__name__, (_RuleOnFrequencies,), attributes)


class _RuleOnFrequencies(Baseline):
    """The rule is fitted in `fit`; its features are what shifts of an image do not change."""

    card = Card(title="A rule", paper="the contract")
    settings_type = EmbeddingSettings
    rule_class: type[Rule]

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the rule itself: the class of the baseline is made again."""
        return _unpickled, (self.rule_class, self.rule_of_run, self.train_MD, self.labels_M)

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Fit the rule to the features of the train images."""
        del context
        features_MD = self.embed(torch.from_numpy(train.images))
        self._fit_rule(features_MD, torch.from_numpy(train.labels))

    def _fit_rule(self, train_MD: Tensor, labels_M: Tensor) -> None:
        self.train_MD = train_MD
        self.labels_M = labels_M
        self.rule_of_run = self.rule_class()
        self.rule_of_run.fit(self.rule_of_run.powered(train_MD), labels_M)

    def state(self) -> Mapping[str, Tensor]:
        """What the rule is fitted to: a run keeps no rule, it fits it again."""
        return {"train": self.train_MD, "labels": self.labels_M}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Fit the rule again."""
        del context
        self._fit_rule(state["train"], state["labels"])

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Sizes (B, D) of the frequencies of a grey thumbnail, none of them negative."""
        grey_BHW = images_BCHW.float().mean(1, keepdim=True)
        thumbnails_BHW = resize(grey_BHW, 2 * SIDE)[:, 0] / WHITE
        sizes_BHW: Tensor = torch.fft.rfft2(thumbnails_BHW).abs()
        # without the mean brightness of the rows
        return sizes_BHW[:, :, 1:].flatten(1)

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """The scores (Q, N) of the rule."""
        return self.rule_of_run.answer(support_NKD, query_QD)


def _unpickled(rule_class: type[Rule], rule: Rule, train_MD: Tensor, labels_M: Tensor) -> Baseline:
    """What the baseline is unpickled by."""
    baseline = rule_as_baseline(rule_class)()
    assert isinstance(baseline, _RuleOnFrequencies)
    baseline.rule_of_run = rule
    baseline.train_MD = train_MD
    baseline.labels_M = labels_M
    return baseline
