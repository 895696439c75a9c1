"""What to beware of in a row of a leaderboard: few images, few trainings, trainings that failed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.leaderboard.open_rows import known_classes
from fewshot_bench.leaderboard.rows import Row
from fewshot_bench.records.record import OWN_THRESHOLD
from fewshot_bench.stats.intervals import Estimate

__all__ = ["notes_of"]

ONE_RUN = "one run: the interval leaves out what other train images would change"


def notes_of(row: Row, estimate: Estimate, failures: int) -> Iterator[str]:
    """Notes on a row. failures: trainings of this row without a result."""
    trainings = len(row.predictions)
    if failures:
        yield f"{failures} of its {trainings + failures} trainings gave no result"
    unfinished = sum(one.record.unfinished for one in row.predictions)
    if unfinished:
        yield f"iterations of the rule did not converge in {unfinished:,} episodes"
    if row.is_classification:
        yield from _of_runs(row, estimate)
    elif row.is_of_pairs:
        yield from _of_pairs(row, estimate)
    else:
        yield from _of_episodes(row)
        yield from _of_known(row)
    if estimate.kind == "too few trainings":
        yield (
            f"{trainings} trainings, too few for an interval over trainings: this one is over "
            "images alone"
        )


def _of_runs(row: Row, estimate: Estimate) -> Iterator[str]:
    samples = row.correctness().design.samples
    single = np.flatnonzero(samples.by_class(samples.is_query_U) < 2).tolist()
    if estimate.kind == "too few images":
        yield f"one test image, so no interval: {_names(row, single)}"
    elif len(row.predictions) == 1:
        yield ONE_RUN


def _of_pairs(row: Row, estimate: Estimate) -> Iterator[str]:
    threshold = row.record.threshold
    if threshold is not None and threshold.source != OWN_THRESHOLD:
        yield f"accuracy at the threshold that is best on {threshold.source}, as it has none itself"
    if estimate.kind == "too few images":
        yield "few images, so no interval: pairs of each class need 3 images of it"
    elif estimate.kind == "too few pairs":
        classes = len(row.record.protocol.test_classes)
        # half of the pairs are of two classes, two of each two, and half of one
        kinds = max(classes, math.comb(classes, 2))
        yield (
            f"few pairs, so no interval: each class and each two classes need 2; ask for --pairs "
            f"{4 * kinds}"
        )


def _of_episodes(row: Row) -> Iterator[str]:
    """What the interval is worth, or why there is none."""
    design = row.correctness().design
    samples = design.samples
    shots = row.record.shots
    what = "images" if design.groups_M is None else "groups of images"
    least = shots + 2
    if samples.too_small:
        sizes = _sizes(row, samples.too_small, np.bincount(design.units.class_U))
        yield f"few {what}, so no interval at {shots} shots below {least}: {sizes}"
    elif row.record.episodes < 2:
        yield "one episode, so no interval"
    elif samples.too_few_references:
        sizes = _sizes(row, samples.too_few_references, samples.references_C)
        yield (
            f"few {what} in these episodes, so no interval at {shots} shots below {least}: {sizes}"
        )
    elif samples.too_few_queries:
        names = _names(row, samples.too_few_queries)
        yield f"all queries of a class are one image, so no interval: {names}"
    elif samples.on_safe_side:
        sizes = _sizes(row, samples.on_safe_side, samples.references_C)
        yield (
            f"few {what}, so the interval at {shots} shots is on the safe side below "
            f"{2 * (shots + 1)}, up to 1.5 times as wide as need be: {sizes}"
        )


def _of_known(row: Row) -> Iterator[str]:
    """Known classes whose held-out images say nothing of their spread."""
    known = known_classes(row.record)
    if not known:
        return
    design = row.open_row().design
    what = "group" if row.record.groups else "image"
    sizes = design.sizes_C[len(row.record.protocol.test_classes) :]
    single = [name for name, size in zip(known, sizes, strict=True) if size < 2]
    if single:
        yield f"one {what} is held out, so no interval of known classes: {', '.join(single)}"


def _names(row: Row, labels: Sequence[int]) -> str:
    names = row.record.protocol.test_classes
    return ", ".join(names[label] for label in labels)


def _sizes(row: Row, labels: Sequence[int], sizes_C: npt.NDArray[Any]) -> str:
    """Classes with their numbers of images or groups."""
    names = row.record.protocol.test_classes
    return ", ".join(f"{names[label]} has {sizes_C[label]:.0f}" for label in labels)
