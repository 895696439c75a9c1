"""Scores of pictures for known and new classes by one fitted rule.

Shapes: M images, D features, N classes, K references of a class, Q queries, V views of an image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import checked_call, own_method, scores_from_features
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.rule import Rule

__all__ = ["Answerer", "support_of"]

Labels = npt.NDArray[np.int64]


class Answerer:
    """A rule, fitted on features of known classes, or a baseline's own way to answer.

    baseline: makes the baseline, which a rule does not need; views_VMD: of single views, where the
    rule takes them for references; transformed_MD: what the rule makes of the features;
    reference_MVD: the same of images as references. Raises `UserError` where the rule fails.
    """

    def __init__(
        self,
        choice: RuleChoice,
        baseline: Callable[[], Baseline],
        features_MD: Tensor,
        train_MD: Tensor | None,
        labels_M: Labels,
        views_VMD: Tensor | None = None,
    ) -> None:
        self.name = choice.name
        self._baseline = baseline
        self.rule: Rule | None = None
        self.transformed_MD = features_MD
        self.reference_MVD = features_MD[:, None]
        if own_method(choice.name) is None:
            learns = choice.plugin is not None and choice.plugin.load().learns()
            labels = torch.from_numpy(labels_M)
            try:
                made = RuleFeatures(
                    choice,
                    features_MD,
                    train_MD if learns else None,
                    labels,
                    views_VMD=views_VMD,
                )
            except PLUGIN_ERRORS as error:
                raise _failed(choice.name, error) from error
            self.rule = made.rule
            self.transformed_MD = made.transformed_MD[: len(features_MD)]
            self.reference_MVD = made.reference_MVD

    def transform(self, features_QD: Tensor) -> Tensor:
        """What the rule makes of the features of pictures."""
        if self.rule is None:
            return features_QD
        try:
            return checked_call(self.rule, "prepare", features_QD).float()
        except PLUGIN_ERRORS as error:
            raise _failed(self.name, error) from error

    def scores(self, support_NKD: Tensor, query_QD: Tensor) -> npt.NDArray[np.float64]:
        """Scores (Q, N) from transformed features."""
        try:
            if self.rule is not None:
                scores = checked_call(self.rule, "scores", support_NKD, query_QD)
            else:
                method = own_method(self.name)
                assert method is not None
                scores = scores_from_features(self._baseline(), method, support_NKD, query_QD)
        except PLUGIN_ERRORS as error:
            raise _failed(self.name, error) from error
        scores_QN = scores.detach().cpu().double().numpy()
        if not np.isfinite(scores_QN).all():
            raise UserError(f"rule {self.name} gave a score that is not finite; name another one")
        return scores_QN


def support_of(known: Sequence[Tensor], new: Sequence[Tensor]) -> Tensor:
    """A support (N, K, D) of the features (k, D) of each class, known ones first.

    A known class is the mean of its features. K is the most references of a new class: a class
    with fewer is filled up by their mean. Rules that take the mean of a class see no difference.
    """
    shots = max((len(features) for features in new), default=1)
    rows = []
    for features in known:
        rows.append(features.mean(0, keepdim=True).expand(shots, -1))
    for features in new:
        missing = shots - len(features)
        filling = features.mean(0, keepdim=True).expand(missing, -1)
        rows.append(torch.cat([features, filling]))
    return torch.stack(rows)


def _failed(name: str, error: BaseException) -> UserError:
    return UserError(f"rule {name} cannot answer here ({error}); name another with --method")
