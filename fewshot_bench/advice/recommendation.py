"""The recommendation: a method, its table, one paragraph in words, and their files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from fewshot_bench.advice.choice import Choice
from fewshot_bench.advice.figures import Figures
from fewshot_bench.advice.words import Summary, paragraph
from fewshot_bench.deploy.method import OWN, RECOMMENDATION, Method
from fewshot_bench.files import write_atomically
from fewshot_bench.records.record import Record
from fewshot_bench.stats.new_class import Expectation

__all__ = ["TABLE", "Recommendation", "recommendation"]

# the columns of the table and what each means; the JSON and the Markdown file hold it too
TABLE = {
    "method": "its row in the leaderboard",
    "shots": "labelled pictures of the new class",
    "accuracy": "share of the pictures of a new class that it recognises: mean over the classes "
    "that were held out",
    "new_low": "95 % prediction interval of that share for one more class, lower end",
    "new_high": "its upper end",
    "known_accuracy": "share of the pictures of known classes that it recognises beside new ones; "
    "empty if they were not asked about",
    "worst_class": "the held-out class that it recognises least",
    "worst": "the share of it",
    "difference": "how much the recommended method is ahead, over all shot values: of accuracy, or "
    "with known classes of its harmonic mean with known_accuracy",
    "difference_low": "95 % interval of the difference over other choices of classes, lower end",
    "difference_high": "its upper end",
    "p_holm": "p of no difference, by Holm over all methods",
    "tied": "whether it is not shown to differ from the recommended method",
}


@dataclass(frozen=True, eq=False)
class Recommendation:
    """Which method to use for a new class, and what it will do.

    method: as `bench predict` takes it; table: a row a method and shot value, the recommended one
    first, its columns in `TABLE`; paragraph: all in words; promised: what to expect of a new class,
    by number of pictures; notes: what the user should know of how it was measured; about: the
    figures behind the paragraph; files: where it was written.
    """

    method: Method
    table: pd.DataFrame
    paragraph: str
    promised: Mapping[int, Expectation]
    notes: Sequence[str]
    about: Mapping[str, Any]
    files: Sequence[Path] = ()

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable values. Accuracies are fractions."""
        promised = {}
        for shots, expected in self.promised.items():
            promised[str(shots)] = {
                "accuracy": _number(expected.mean),
                "low": _number(expected.low),
                "high": _number(expected.high),
            }
        rows = json.loads(self.table.to_json(orient="records"))
        return {
            "method": self.method.as_json(),
            "promised": promised,
            "paragraph": self.paragraph,
            "notes": list(self.notes),
            **self.about,
            "meaning": {
                "promised": "by number of labelled pictures: the share of the pictures of a new "
                "class that are recognised, and its 95 % prediction interval over classes",
                **TABLE,
            },
            "table": rows,
        }

    def as_markdown(self) -> str:
        """The paragraph, the table and the notes."""
        heads = list(TABLE)
        lines = ["# Recommendation", "", self.paragraph, ""]
        lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for row in self.table.to_dict("records"):
            cells = [_cell(row[head]) for head in heads]
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", "Columns:", ""]
        lines += [f"- `{name}`: {meaning}" for name, meaning in TABLE.items()]
        lines += ["", "Notes:", ""]
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines) + "\n"

    def written(self, out: Path) -> Self:
        """This, after `recommendation.md` and `recommendation.json` were written into `out`."""
        path = out / RECOMMENDATION
        content = json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"
        _write(path, content)
        _write(path.with_suffix(".md"), self.as_markdown())
        return dataclasses.replace(self, files=[path.with_suffix(".md"), path])


def _write(path: Path, text: str) -> None:
    content = text.encode()
    write_atomically(path, lambda file: file.write(content))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return str(value).replace("|", "\\|")


def recommendation(
    figures: Figures, choice: Choice, notes: Sequence[str], run: Mapping[str, Any]
) -> Recommendation:
    """Put the choice into a table and into words. run: what was run, for the JSON."""
    example = figures.examples[figures.methods[choice.best]]
    method = method_of(example)
    summary = Summary.of(figures, choice, method)
    every_note = list(notes)
    for name, reason in figures.left_out.items():
        every_note.append(f"{name} is left out: {reason}")
    return Recommendation(
        method=method,
        table=_table(figures, choice),
        paragraph=paragraph(summary),
        promised=dict(zip(figures.shots, choice.promised, strict=True)),
        notes=every_note,
        about={**run, **summary.as_json()},
    )


def method_of(record: Record) -> Method:
    """The baseline, rule and given settings of a record, as options take them."""
    baseline = record.baseline
    settings = {}
    for name, value in baseline.settings_given.items():
        settings[f"{baseline.name}.{name}"] = _text(value)
    for name, value in baseline.rule_settings_given.items():
        settings[f"{baseline.rule}.{name}"] = _text(value)
    rule = OWN if baseline.is_own_rule else baseline.rule
    return Method(baseline.name, rule, settings)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(figures: Figures, choice: Choice) -> pd.DataFrame:
    """A row a method and shot value: the recommended method first, then by the difference to it."""
    order = sorted(
        range(len(figures.methods)),
        key=lambda row: (row != choice.best, choice.differences[row].mean),
    )
    known_MK = figures.known_MK
    rows = []
    for method in order:
        difference = choice.differences[method]
        for shot, shots in enumerate(figures.shots):
            expected = choice.expected_MK[method][shot]
            accuracy_C = figures.accuracy_MKC[method, shot]
            worst = int(np.nanargmin(accuracy_C))
            values = (
                figures.methods[method],
                shots,
                expected.mean,
                expected.low,
                expected.high,
                known_MK[method, shot],
                figures.classes[worst],
                accuracy_C[worst],
                difference.mean,
                difference.low,
                difference.high,
                choice.p_holm[method],
                method in choice.tied,
            )
            rows.append(values)
    return pd.DataFrame(rows, columns=list(TABLE))
