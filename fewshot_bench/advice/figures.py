"""How often each method recognised each class: the records of the splits, counted.

Shapes: M methods, K shot values, S splits, C classes of the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.record_columns import row_key
from fewshot_bench.protocols.episode import Episodes, Ints
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.records.answered import NO_PREDICTION
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record

__all__ = ["Figures", "figures"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Figures:
    """What each method answered at each shot value.

    methods: their names; examples: a record of each; shots, classes: in the order of the axes;
    images_C: images of each class; is_new_SC: the classes that each split holds out; counts_MKSCC:
    queries by true class and by the class predicted for them, zeros for a class without queries in
    a split; left_out: what has no result in some split, with the reason.
    """

    methods: Sequence[str]
    examples: Mapping[str, Record]
    shots: Sequence[int]
    classes: Sequence[str]
    images_C: Floats
    is_new_SC: npt.NDArray[np.bool_]
    counts_MKSCC: Counts
    left_out: Mapping[str, str]

    @cached_property
    def new_MKSC(self) -> Floats:
        """The share of the queries of each new class that were recognised; NaN for known ones."""
        recalls_MKSC = _recalls(self.counts_MKSCC)
        recalls_MKSC[:, :, ~self.is_new_SC] = np.nan
        return recalls_MKSC

    @cached_property
    def known_MKSC(self) -> Floats:
        """The same of known classes that were asked about; NaN for new ones."""
        recalls_MKSC = _recalls(self.counts_MKSCC)
        recalls_MKSC[:, :, self.is_new_SC] = np.nan
        return recalls_MKSC

    @property
    def has_known(self) -> bool:
        """Whether known classes were candidates, and asked about."""
        return not bool(np.isnan(self.known_MKSC).all())

    @cached_property
    def score_MKSC(self) -> Floats:
        """What methods are ranked by, of each new class.

        Its recall; with known classes the harmonic mean of that and of the mean recall of the known
        classes of the split.
        """
        return _scores(self.new_MKSC, self.known_MKSC)

    def score_without(self, label: int) -> Floats:
        """`score_MKSC` of the other classes; this one plays no part, as a known one too."""
        new_MKSC = np.delete(self.new_MKSC, label, axis=3)
        known_MKSC = np.delete(self.known_MKSC, label, axis=3)
        return _scores(new_MKSC, known_MKSC)

    @cached_property
    def accuracy_MKC(self) -> Floats:
        """Recall of each class as a new one: the mean over the splits that hold it out."""
        return mean_over_splits(self.new_MKSC)

    @property
    def known_MK(self) -> Floats:
        """Mean recall of the known classes, NaN if they were not asked about."""
        known_MKC = mean_over_splits(self.known_MKSC)
        is_asked = ~np.isnan(known_MKC)
        sums_MK = np.where(is_asked, known_MKC, 0.0).sum(2)
        count_MK = is_asked.sum(2)
        return np.asarray(np.where(count_MK > 0, sums_MK / np.maximum(count_MK, 1), np.nan))

    @property
    def taken_for_new_MK(self) -> Floats:
        """The share of the queries of known classes for which a new class was predicted."""
        is_known_SC1 = ~self.is_new_SC[:, :, None]
        is_new_S1C = self.is_new_SC[:, None, :]
        of_known = np.where(is_known_SC1, self.counts_MKSCC, 0)
        taken_MK = np.where(is_new_S1C, of_known, 0).sum((2, 3, 4))
        return np.asarray(taken_MK / np.maximum(of_known.sum((2, 3, 4)), 1))

    def asked_together_CC(self, method: int) -> Counts:
        """Queries of each class (row) where the other class (column) was a candidate too.

        Of one method, at the most shots.
        """
        asked_SC = self.counts_MKSCC[method, -1].sum(2)
        is_candidate_SC = np.ones_like(self.is_new_SC) if self.has_known else self.is_new_SC
        return np.asarray(asked_SC.T @ is_candidate_SC.astype(np.int64))

    @cached_property
    def held_out(self) -> npt.NDArray[np.intp]:
        """Positions of the classes that some split holds out."""
        return np.flatnonzero(self.is_new_SC.any(0))


def _scores(new_MKSC: Floats, known_MKSC: Floats) -> Floats:
    """The harmonic mean of each new recall and the mean known one of the split.

    The new recall alone where no known class was asked about.
    """
    is_asked_MKSC = ~np.isnan(known_MKSC)
    asked_MKS = is_asked_MKSC.sum(3)
    sums_MKS = np.where(is_asked_MKSC, known_MKSC, 0.0).sum(3)
    known_MKS1 = (sums_MKS / np.maximum(asked_MKS, 1))[..., None]
    both = new_MKSC + known_MKS1
    product = 2 * new_MKSC * known_MKS1
    harmonic = np.where(both == 0, 0.0, product / np.where(both == 0, 1.0, both))
    return np.asarray(np.where(asked_MKS[..., None] > 0, harmonic, new_MKSC))


def mean_over_splits(values_MKSC: Floats) -> Floats:
    """The mean over the splits that have a value, (M, K, C); NaN where none has."""
    has_value = ~np.isnan(values_MKSC)
    sums = np.where(has_value, values_MKSC, 0.0).sum(2)
    counts = has_value.sum(2)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def _recalls(counts: Counts) -> Floats:
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    asked = counts.sum(-1)
    return np.asarray(np.where(asked > 0, right / np.maximum(asked, 1), np.nan))


def figures(
    splits: Sequence[Sequence[Record]],
    results: ResultsFolder,
    classes: Sequence[str],
    images: Sequence[int],
) -> Figures:
    """Count the predictions in the records of the splits.

    classes, images: of the data, with the number of images of each. A method that has no result
    somewhere is left out: a mean over fewer splits could be of the easier ones.
    """
    every = [record for records in splits for record in records]
    names = row_names(every)
    left_out: dict[str, str] = {}
    examples: dict[str, Record] = {}
    shots = sorted({record.shots for record in every})
    for record in every:
        name = names[row_key(record)]
        examples.setdefault(name, record)
        if record.status != "ok":
            left_out.setdefault(name, record.reason)
    methods = [name for name in examples if name not in left_out]
    shape = (len(methods), len(shots), len(splits), len(classes), len(classes))
    counts = np.zeros(shape, dtype=np.int64)
    is_new = np.zeros((len(splits), len(classes)), dtype=bool)
    row_of = {name: row for row, name in enumerate(methods)}
    for split, records in enumerate(splits):
        is_new[split, _positions(records[0].protocol.test_classes, classes)] = True
        for prediction in results.predictions(records):
            record = prediction.record
            name = names[row_key(record)]
            if name in row_of:
                row = row_of[name]
                column = shots.index(record.shots)
                counts[row, column, split] += _counts(prediction, classes)
    kept = {name: examples[name] for name in methods}
    sizes = np.asarray(images, dtype=np.float64)
    return Figures(methods, kept, shots, classes, sizes, is_new, counts, left_out)


def _counts(prediction: Predictions, classes: Sequence[str]) -> Counts:
    """Queries by true class (row) and predicted class (column) of the data."""
    protocol = prediction.record.protocol
    candidates = protocol.test_classes
    if isinstance(protocol, OpenWorld):
        candidates = protocol.candidates
    of_candidate = _positions(candidates, classes)
    predicted_TA = prediction.answered.predicted_TA
    true_TA = _true_TA(prediction.episodes)
    is_query_TA = predicted_TA != NO_PREDICTION
    size = len(classes)
    true = of_candidate[true_TA[is_query_TA]]
    predicted = of_candidate[predicted_TA[is_query_TA]]
    return np.bincount(true * size + predicted, minlength=size**2).reshape(size, size)


def _true_TA(episodes: Episodes) -> Ints:
    """The candidate that each query is of: those of the ways first, then of known classes."""
    count = len(episodes)
    of_ways_TNQ = np.broadcast_to(episodes.classes_TN[:, :, None], episodes.query_TNQ.shape)
    true_TA = of_ways_TNQ.reshape(count, -1)
    if episodes.known_TMQ is None or episodes.known_M is None:
        return true_TA
    of_known_TMQ = np.broadcast_to(episodes.known_M[:, None], episodes.known_TMQ.shape)
    return np.concatenate([true_TA, of_known_TMQ.reshape(count, -1)], axis=1)


def _positions(names: Iterable[str], classes: Sequence[str]) -> npt.NDArray[np.int64]:
    return np.array([classes.index(name) for name in names], dtype=np.int64)
