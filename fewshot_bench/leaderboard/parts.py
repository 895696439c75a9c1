"""What decides: how much of the spread in accuracy comes from each choice that a result depends on.

Results are compared that answer one question at one shot value or train size, but for split and
preset; see `stats/variance_parts.py` for how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.columns import BY_CONDITION, CONDITION, OF_SPLIT, QUESTION
from fewshot_bench.leaderboard.record_columns import record_columns, row_key
from fewshot_bench.leaderboard.rows import Row
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest
from fewshot_bench.stats.variance_parts import (
    FEWEST_UNITS,
    NO_UNIT,
    Part,
    Results,
    draw_part,
    part_of,
    whole,
)

__all__ = ["ALL_SOURCES", "DRAW", "PARTS", "SOURCES", "variance_parts"]

Codes = npt.NDArray[np.int64]
Values = Sequence[Hashable]

# settings that say what the features are; beside the first two they count where they were given
ENCODER = ("encoder", "weights")
FEATURES = ("image_size", "views", "freeze")
DRAW = "draw of pictures"
WHOLE = "all together"
OF_QUESTION = tuple(name for name in QUESTION if name not in (*OF_SPLIT, "preset"))
PARTS = (
    *OF_QUESTION,
    *CONDITION,
    "source",
    "levels",
    "comparisons",
    "spread",
    "spread_low",
    "spread_high",
    "share",
    "share_low",
    "share_high",
    "units",
    "unit",
)


def _features(record: Record) -> Hashable:
    settings = record.baseline.settings
    given = record.baseline.settings_given
    encoder = [settings.get(name) for name in ENCODER]
    return digest(encoder, _only(given, FEATURES))


def _objective(record: Record) -> Hashable:
    return record.baseline.name


def _rule(record: Record) -> Hashable:
    return digest(record.baseline.rule, record.baseline.rule_settings)


def _settings(record: Record) -> Hashable:
    """The preset, and what was set otherwise than in it."""
    given = record.baseline.settings_given
    others = set(given) - {*ENCODER, *FEATURES}
    return digest(record.baseline.preset, _only(given, others))


def _split(record: Record) -> Hashable:
    return record.protocol.train_classes, record.protocol.test_classes


def _seed(record: Record) -> Hashable:
    return record.training.seed


# what can differ between two results, and how to read it
SOURCES: Mapping[str, Callable[[Record], Hashable]] = {
    "features": _features,
    "training objective": _objective,
    "decision rule": _rule,
    "other settings": _settings,
    "split of the classes": _split,
    "training seed": _seed,
}
ALL_SOURCES = (*SOURCES, DRAW, WHOLE)


def _only(settings: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: settings[name] for name in sorted(names) if name in settings}


@dataclass(frozen=True, eq=False)
class _Group:
    """Results that can be held against each other, n of them."""

    predictions: Sequence[Predictions]

    @property
    def records(self) -> list[Record]:
        return [one.record for one in self.predictions]

    @cached_property
    def levels(self) -> dict[str, list[Hashable]]:
        """By source, the level of each result."""
        return {name: [read(one) for one in self.records] for name, read in SOURCES.items()}

    @property
    def unit(self) -> str:
        """What the intervals are over: other splits, else other training seeds, else nothing."""
        for source in ("split of the classes", "training seed"):
            if len(set(self.levels[source])) >= FEWEST_UNITS:
                return source
        return ""

    def results(self) -> Results:
        estimates = [Row("", (one,)).estimate() for one in self.predictions]
        columns = [_codes(values) for values in self.levels.values()]
        return Results(
            accuracy_n=np.array([estimate.accuracy for estimate in estimates]),
            noise_n=np.array([estimate.se_images**2 for estimate in estimates]),
            drawn_n=_codes([one.episodes_digest for one in self.records]),
            unit_n=self._unit_codes(),
            levels_nF=np.stack(columns, axis=1),
        )

    def _unit_codes(self) -> Codes:
        if not self.unit:
            return np.full(len(self.predictions), NO_UNIT)
        codes = _codes(self.levels[self.unit])
        if self.unit == "training seed":
            # a method that trains once stands for no seed
            rows = [row_key(record) for record in self.records]
            trainings = Counter(rows)
            trains_once = np.array([trainings[row] == 1 for row in rows])
            codes[trains_once] = NO_UNIT
        return codes


def variance_parts(predictions: Iterable[Predictions]) -> pd.DataFrame:
    """A row a source, for each question and shot value or train size that has several results.

    Sources in which no two results differ alone have no row. `spread` is in fractions: how far two
    results typically are apart that differ in this alone, divided by the root of two, as a standard
    deviation is; `share` is its square, of that of any two results. Their 95 % intervals are
    over other splits of the classes, or other trainings; empty where there are fewer than three.
    """
    table: list[dict[str, Any]] = []
    for group in _groups(predictions):
        table += _rows(group)
    frame = pd.DataFrame(table, columns=list(PARTS))
    return frame.astype(dict.fromkeys(("pairs", "levels", "comparisons"), "Int64"))


def _groups(predictions: Iterable[Predictions]) -> list[_Group]:
    """Results by what they answer, from the fewest shots or train images to the most."""
    groups: dict[tuple[Hashable, ...], list[Predictions]] = {}
    for one in predictions:
        columns = record_columns(one.record, "")
        place = tuple(columns[name] for name in (*OF_QUESTION, *BY_CONDITION))
        groups.setdefault(place, []).append(one)
    several = [_Group(group) for group in groups.values() if len(group) > 1]
    return sorted(several, key=lambda group: group.records[0].condition)


def _rows(group: _Group) -> list[dict[str, Any]]:
    results = group.results()
    parts: dict[str, Part | None] = {}
    levels: dict[str, int] = {}
    for column, source in enumerate(SOURCES):
        parts[source] = part_of(results, column)
        levels[source] = len(set(group.levels[source]))
    parts[DRAW] = draw_part(results)
    parts[WHOLE] = whole(results)
    shared = record_columns(group.records[0], "")
    question = {name: shared[name] for name in (*OF_QUESTION, *CONDITION)}
    units = len(set(results.unit_n.tolist()) - {NO_UNIT})
    table = []
    for source, part in parts.items():
        if part is None:
            continue
        about = {"source": source, "levels": levels.get(source), "unit": group.unit}
        table.append({**question, **about, "units": units, **_columns(part)})
    return table


def _columns(part: Part) -> dict[str, Any]:
    columns = asdict(part)
    columns["spread_low"] = columns.pop("low")
    columns["spread_high"] = columns.pop("high")
    return columns


def _codes(values: Values) -> Codes:
    """The same number for the same value, in the order in which they come."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)
