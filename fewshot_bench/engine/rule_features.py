"""What a rule makes of the features of a training: once for all of its episodes.

Shapes: M images, D features, C known classes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import checked_call
from fewshot_bench.contract.leaks import assert_untouched
from fewshot_bench.engine.rule_leaks import assert_transformed_alone
from fewshot_bench.engine.scoring import products_MM
from fewshot_bench.errors import Diverged
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.rule import Rule
from fewshot_bench.seeds import derive, global_seed

__all__ = ["RuleFeatures", "class_means"]


class RuleFeatures:
    """A fitted rule, and the transformed features (M, D') of the embedded images.

    train_MD: features of the train images, with their labels, for a rule that learns from them and
    for known classes. known: labels of classes whose references are all their train images: the
    means of these, transformed, are further rows. The mean stands for all of them exactly where a
    rule takes the mean over its references; other rules take it as one.
    Raises `Leak` where what it makes of an image depends on others, `Diverged` where that is not
    finite, and what the rule raises.
    """

    def __init__(
        self,
        choice: RuleChoice,
        features_MD: Tensor,
        train_MD: Tensor | None,
        labels_M: Tensor,
        known: Sequence[int] = (),
    ) -> None:
        self.choice = choice
        assert choice.plugin is not None
        rule_class = choice.plugin.load()
        seed = derive("rule", choice.name)
        with global_seed(seed), torch.no_grad():
            self._fitted: Rule = rule_class(choice.settings)
            if train_MD is not None and rule_class.learns():
                self._fitted.fit(self._fitted.powered(train_MD.cpu()), labels_M)
            transformed_MD = self._transformed(features_MD.cpu(), seed)
            if train_MD is not None and known:
                of_train = self._transformed(train_MD.cpu(), seed)
                means_CD = class_means(of_train, labels_M, known)
                transformed_MD = torch.cat([transformed_MD, means_CD])
            self.transformed_MD = transformed_MD
        # without what `transform` may have kept
        self.rule = self.fresh_rule()

    def fresh_rule(self) -> Rule:
        """A copy of the rule as it was after `fit`: it has transformed and answered nothing."""
        return copy.deepcopy(self._fitted)

    def _transformed(self, features_MD: Tensor, seed: int) -> Tensor:
        """Images come in random order, so that their places say nothing of their classes."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(features_MD), generator=generator)
        shuffled = features_MD[order]
        rule = self.fresh_rule()
        with assert_untouched(rule, shuffled):
            transformed = checked_call(rule, "prepare", shuffled).float()
        if transformed.ndim != 2 or len(transformed) != len(shuffled):
            shape = tuple(transformed.shape)
            raise ValueError(f"transform of {len(shuffled)} images came as {shape}")
        if not torch.isfinite(transformed).all():
            raise Diverged("a transformed feature is not finite")
        assert_transformed_alone(self.fresh_rule, shuffled, transformed, generator)
        return transformed[order.argsort()]

    @property
    def is_fast(self) -> bool:
        """Whether blocks of episodes are answered at once."""
        return self.rule.is_fast()

    @cached_property
    def engine_MD(self) -> npt.NDArray[np.float32]:
        """The transformed features that inner products are made of."""
        transformed = self.transformed_MD.numpy()
        if self.rule.shift_invariant:
            return np.asarray(transformed - transformed.mean(0))
        return transformed

    @cached_property
    def products_MM(self) -> npt.NDArray[np.float32]:
        """Inner products of every two images."""
        return products_MM(self.engine_MD)


def class_means(features_MD: Tensor, labels_M: Tensor, classes: Sequence[int]) -> Tensor:
    """The mean features (C, D) of the images of each of these classes."""
    means = [features_MD[labels_M == label].mean(0) for label in classes]
    return torch.stack(means)
