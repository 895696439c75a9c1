"""Views of references as references beside the mean over views: which is worth more, at what cost.

    uv run python -m tests.reference_views_study NEU-CLS.zip --out runs/views

Four runs on the frozen encoder, in one folder, with a cache of their own in it. Prints the table of docs/performance.md. `--image-size 64
--episodes 200` tries it. Seconds of embedding are of all images of the data set, those of scoring of all shot values together.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pandas as pd

from fewshot_bench import api
from fewshot_bench.records.record import Record
from fewshot_bench.request import Request

SHOTS = (1, 3, 5)
RULES = ("mean_cosine", "unit_mean", "ridge", "whitened")  # the first is the own one of `frozen`
# what is asked, by its name: --views and reference_views
ASKED = {
    "one view": (1, 1),
    "mean over 8 views": (8, 1),
    "8 views of each reference": (1, 8),
    "both": (8, 8),
}


def outcome_of(given: argparse.Namespace, views: int, reference_views: int) -> api.Outcome:
    """The run with these views."""
    settings = {f"{rule}.reference_views": str(reference_views) for rule in RULES}
    request = Request(
        data=given.data,
        protocol=given.protocol,
        baselines=["frozen"],
        rules=["own", *RULES[1:]],
        shots=SHOTS,
        views=views,
        settings=settings if reference_views > 1 else {},
        image_size=given.image_size,
        episodes=given.episodes,
    )
    return api.run(request, given.out)


def lines(name: str, outcome: api.Outcome) -> list[str]:
    """A row of the table for each rule."""
    rows = []
    for rule in RULES:
        of_rule = outcome.table[outcome.table["rule"] == rule].set_index("shots")
        records = [record for record in outcome.records if record.baseline.rule == rule]
        cells = [_accuracy(of_rule.loc[shots]) for shots in SHOTS]
        seconds = [f"{records[0].seconds['embed']:.0f}", f"{_scoring(records):.1f}"]
        rows.append(f"| `{rule}` | {name} | {' | '.join([*cells, *seconds])} |")
    return rows


def _accuracy(row: pd.Series[float]) -> str:
    low = f"{100 * row['ci95_low']:.1f}"
    high = f"{100 * row['ci95_high']:.1f}"
    return f"{100 * row['accuracy']:.1f} ({low} to {high})"


def _scoring(records: list[Record]) -> float:
    return sum(record.seconds["score"] for record in records)


def main() -> None:
    """Print the table, rule by rule."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--protocol", default="neu-heldout")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--episodes", type=int)
    given = parser.parse_args()
    os.environ["FEWSHOT_BENCH_CACHE"] = str(given.out / "cache")
    titles = [f"{shots} shot{'s' if shots > 1 else ''}" for shots in SHOTS]
    print(f"| rule | references | {' | '.join(titles)} | embedding, s | scoring, s |")
    print("|---" * (len(titles) + 4) + "|")
    rows = []
    for name, (views, reference_views) in ASKED.items():
        rows += lines(name, outcome_of(given, views, reference_views))
    # one rule after another, its four runs beneath each other
    print("\n".join(sorted(rows, key=lambda row: row.split("|")[1])))


if __name__ == "__main__":
    main()
