"""Scores of references that were held out: what probabilities are fitted to.

Shapes: M images, D features, N classes, K references of a class, Q queries, V views of an image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.deploy.calibration import HeldOut
from fewshot_bench.deploy.classifier import Answerer, support_of

__all__ = ["FOLDS", "classes_of", "held_out"]

Ints = npt.NDArray[np.int64]
FOLDS = 5
Fit = Callable[[npt.NDArray[np.bool_]], Answerer]


def held_out(fit: Fit, labels_M: Ints, known: int) -> HeldOut:
    """Scores of all references of classes that have two or more.

    labels_M: of the references, those of the first `known` classes being known ones. fit: the
    answerer that has learned from the known references where the mask (M,) is true; it has
    transformed all references.

    Known references are held out in five folds: the rule is fitted and the means are taken without
    the fold. A rule that learns from a picture knows it too well: leaving it out of its class's
    mean alone makes probabilities far too sure. New references are left out one by one, from a rule
    that learned from all known ones; the class then has one reference fewer.
    """
    classes = int(labels_M.max()) + 1
    counts = np.bincount(labels_M, minlength=classes)
    is_known = labels_M < known
    has_several = counts[labels_M] > 1
    folds = _folds(labels_M)
    scores = []
    labels = []
    for fold in range(FOLDS):
        queries = has_several & is_known & (folds == fold)
        if not queries.any():
            continue
        answerer = fit(is_known & ~queries)
        scores.append(_scores(answerer, labels_M, known, queries))
        labels.append(labels_M[queries])
    several_new = np.flatnonzero(has_several & ~is_known)
    if len(several_new):
        answerer = fit(is_known)
        for index in several_new:
            queries = np.arange(len(labels_M)) == index
            scores.append(_scores(answerer, labels_M, known, queries))
            labels.append(labels_M[queries])
    if not scores:
        return HeldOut(np.empty((0, classes)), np.empty(0, dtype=np.int64))
    return HeldOut(np.concatenate(scores), np.concatenate(labels))


def classes_of(reference_MVD: Tensor, labels_M: Ints, known: int) -> Tensor:
    """The support (N, K, D) of transformed references with all their views, see `support_of`."""
    groups = []
    for label in range(int(labels_M.max()) + 1):
        of_class_MVD = reference_MVD[torch.from_numpy(labels_M == label)]
        groups.append(of_class_MVD.flatten(0, 1))
    return support_of(groups[:known], groups[known:])


def _scores(
    answerer: Answerer, labels_M: Ints, known: int, queries: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Scores (Q, N) of some references, answered by all others."""
    kept = ~queries
    kept_MVD = answerer.reference_MVD[torch.from_numpy(kept)]
    support_NKD = classes_of(kept_MVD, labels_M[kept], known)
    query_QD = answerer.transformed_MD[torch.from_numpy(queries)]
    return answerer.scores(support_NKD, query_QD)


def _folds(labels_M: Ints) -> Ints:
    """The fold of each reference: each class in five parts, in the order of its files.

    Files next to each other are often pictures of one part, and so come into one fold.
    """
    folds = np.empty(len(labels_M), dtype=np.int64)
    for label in np.unique(labels_M):
        of_class = np.flatnonzero(labels_M == label)
        folds[of_class] = np.arange(len(of_class)) * FOLDS // len(of_class)
    return folds
