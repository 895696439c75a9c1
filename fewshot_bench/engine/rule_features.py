"""What a rule makes of the features of a training: once for all of its episodes.

Shapes: M images, D features, C known classes, V views of an image, T episodes, N ways, K shots.
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
from fewshot_bench.engine.scoring import LARGEST_MATRIX, Ints, products_MM
from fewshot_bench.errors import Diverged, NotApplicable
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
    views_VMD, train_views_VMD: of single views, see `embed_views`, for a rule whose references
    stand in the support as their views: these are further rows, before the means. What a rule
    learns, it learns from the images themselves.
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
        *,
        views_VMD: Tensor | None = None,
        train_views_VMD: Tensor | None = None,
    ) -> None:
        self.choice = choice
        if (views_VMD is None) != (choice.reference_views == 1):
            raise ValueError("a rule needs single views where its references stand as such")
        assert choice.plugin is not None
        rule_class = choice.plugin.load()
        seed = derive("rule", choice.name)
        self._seed = seed
        with global_seed(seed), torch.no_grad():
            self._fitted: Rule = rule_class(choice.settings)
            if train_MD is not None and rule_class.learns():
                self._fitted.fit(self._fitted.powered(train_MD.cpu()), labels_M)
            parts = self._of_each_view(features_MD, views_VMD, seed)
            self._count = len(features_MD)
            self.first_mean = self._count * len(parts)
            if train_MD is not None and known:
                of_train = self._of_each_view(train_MD, train_views_VMD, seed)
                parts.append(self._known_means(of_train, labels_M, known))
            self.transformed_MD = parts[0] if len(parts) == 1 else torch.cat(parts)
        # without what `transform` may have kept
        self.rule = self.fresh_rule()

    def fresh_rule(self) -> Rule:
        """A copy of the rule as it was after `fit`: it has transformed and answered nothing."""
        return copy.deepcopy(self._fitted)

    def transformed(self, features_MD: Tensor) -> Tensor:
        """The transformed features (M, D') of other images."""
        with global_seed(self._seed), torch.no_grad():
            return self._transformed(features_MD.cpu(), self._seed)

    def references(self, support_TNK: Ints) -> Ints:
        """The rows of references at these positions, each as all of its views: (T, N, V * K).

        Raises `NotApplicable` where the views of an episode are too many.
        """
        views = self.choice.reference_views
        if views == 1:
            return support_TNK
        _, ways, shots = support_TNK.shape
        if views * ways * shots > LARGEST_MATRIX:
            raise NotApplicable(
                f"{views} views of {ways * shots} references are {views * ways * shots} references "
                f"of an episode (allowed: {LARGEST_MATRIX}); leave reference_views out"
            )
        rows_TNKV = support_TNK[..., None] + self._first_rows_V
        return rows_TNKV.reshape(len(support_TNK), ways, shots * views)

    @property
    def reference_MVD(self) -> Tensor:
        """The transformed features of each image as a reference."""
        images_M1 = np.arange(self._count)[:, None]
        return self.transformed_MD[torch.from_numpy(images_M1 + self._first_rows_V)]

    @property
    def _first_rows_V(self) -> npt.NDArray[np.int32]:
        """The row of each view of the first image.

        The image itself is one of its views, but not where its features are a mean over them.
        """
        first_rows = np.arange(0, self.first_mean, self._count, dtype=np.int32)
        return first_rows[-self.choice.reference_views :]

    def _of_each_view(
        self, features_MD: Tensor, views_VMD: Tensor | None, seed: int
    ) -> list[Tensor]:
        """Transformed features of the images, then of each of their views."""
        parts = [self._transformed(features_MD.cpu(), seed)]
        if views_VMD is not None:
            parts += [self._transformed(view_MD, seed) for view_MD in views_VMD]
        return parts

    def _known_means(
        self, of_train: list[Tensor], labels_M: Tensor, known: Sequence[int]
    ) -> Tensor:
        """The means (C, D) over the references of known classes, from `_of_each_view`."""
        views = self.choice.reference_views
        means = [class_means(view_MD, labels_M, known) for view_MD in of_train[-views:]]
        return means[0] if views == 1 else torch.stack(means).mean(0)

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
