"""The tables of `results/published`, and those of all pages: `uv run python -m tests.published_tables` makes them
anew from the records.

In a page a table stands between `<!-- table: KIND FOLDER -->` and `<!-- end -->`; several folders are joined by `+`.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fewshot_bench import api, exchange
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import condition_label
from fewshot_bench.leaderboard.parts import ALL_SOURCES

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
TABLE = re.compile(r"(<!-- table: (\w+) ([\w+-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
PAGES = [
    page
    for page in sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("results/*.md")])
    if TABLE.search(page.read_text())
]


def with_tables(page: str) -> str:
    """The page with each of its tables as the published files have it."""

    def made(found: re.Match[str]) -> str:
        begin, kind, names, end = found.groups()
        folders = [PUBLISHED / name for name in names.split("+")]
        return begin + "\n".join(KINDS[kind](*folders)) + "\n" + end

    return TABLE.sub(made, page)


def accuracy(folder: Path) -> Iterator[str]:
    """A row a baseline, in the order of its rank at the most shots or train images."""
    board, sizes = _by_size(pd.read_csv(folder / "leaderboard.csv"))
    yield from _accuracy_rows(board, board.loc[[sizes[-1]]], sizes)


def headline(folder: Path) -> Iterator[str]:
    """The best row of each method at 5 shots, of those that answer each query by itself; 1 to 5 shots."""
    board, sizes = _by_size(pd.read_csv(folder / "leaderboard.csv"))
    inductive = board[~board["transductive"]].loc[["5-shot"]]
    best_first = inductive.sort_values("accuracy", ascending=False)
    of_method = best_first["baseline"].str.extract(r"^(\w+)")[0]
    yield from _accuracy_rows(
        board, best_first[~of_method.duplicated()], sizes[: sizes.index("5-shot") + 1]
    )


def _accuracy_rows(board: pd.DataFrame, shown: pd.DataFrame, sizes: Sequence[str]) -> Iterator[str]:
    """The rows of a board that are shown, at each of these sizes."""
    yield from _row(["rank", "ties", "baseline", "trainings", *sizes, "published"], head=True)
    ordered = shown.sort_values(["rank", "accuracy"], ascending=[True, False])
    for row in ordered.to_dict("records"):
        own = board[board["baseline"] == row["baseline"]].loc[sizes]
        cells = [_with_interval(one) for _, one in own.iterrows()]
        papers = " / ".join(
            "-" if pd.isna(value) else f"{100 * value:.2f}" for value in own["published"]
        )
        papers = "" if own["published"].isna().all() else papers
        name = f"`{row['baseline']}`{' (transductive)' if row['transductive'] else ''}"
        yield from _row([row["rank"], row["ties"], name, row["seeds"], *cells, papers])


def differences(folder: Path) -> Iterator[str]:
    """A row a baseline, what it is ahead of the reference (behind where negative) and the verdict."""
    frame, sizes = _by_size(pd.read_csv(folder / "comparison.csv"))
    yield from _row([f"less `{frame['reference'].iloc[0]}`", *sizes], head=True)
    for name, part in frame.groupby("baseline", sort=False):
        own = part.loc[sizes].to_dict("records")
        yield from _row([f"`{name}`", *(f"{_points(row)} {row['verdict']}" for row in own)])


def splits(folder: Path) -> Iterator[str]:
    """A row a baseline at the most shots: over all splits, and on how many it is better or worse than the references."""
    frame = _at_most_shots(pd.read_csv(folder / "splits.csv"))
    comparisons = [pd.read_csv(folder / "comparison.csv"), api.compare(folder, "scl_amp")]
    against = [_at_most_shots(comparison) for comparison in comparisons]
    references = [comparison["reference"].iloc[0] for comparison in against]
    than = [f"than `{reference}`: better / worse / neither" for reference in references]
    yield from _row(["baseline", "mean of splits", "sd", "worst", "best", *than], head=True)
    for row in frame.sort_values("accuracy", ascending=False).to_dict("records"):
        name = row["baseline"]
        shown = [f"{100 * row[of]:.1f}" for of in ("accuracy", "sd", "worst", "best")]
        counts = [_counts(one.loc[one["baseline"] == name, "verdict"]) for one in against]
        yield from _row([f"`{name}`", *shown, *counts])


def _at_most_shots(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["shots"] == frame["shots"].max()]


def _counts(verdicts: pd.Series[Any]) -> str:
    """Of the splits, on how many it is better, worse and neither; empty for the reference itself."""
    if verdicts.empty:
        return ""
    better, worse = ((verdicts == verdict).sum() for verdict in ("better", "worse"))
    return f"{better} / {worse} / {len(verdicts) - better - worse}"


def best(folder: Path) -> Iterator[str]:
    """The most accurate row at each shot value that answers each query by itself, and what the paper prints."""
    board, sizes = _by_size(pd.read_csv(folder / "leaderboard.csv"))
    heads = [
        "shots",
        "best inductive method",
        "accuracy",
        "`scl_amp` here",
        "printed for `scl_amp`",
    ]
    yield from _row(heads, head=True)
    for size in sizes:
        rows = board.loc[[size]]
        first = rows[~rows["transductive"]].sort_values("accuracy").iloc[-1]
        proposed = rows[rows["baseline"] == "scl_amp"].iloc[0]
        printed = proposed["published"]
        cells = [_with_interval(first), _with_interval(proposed)]
        paper = "-" if pd.isna(printed) else f"{100 * printed:.2f}"
        yield from _row([size.split("-")[0], f"`{first['baseline']}`", *cells, paper])


def changes(folder: Path) -> Iterator[str]:
    """A row for each method as its preset has it, and below it a row for each change, with the difference to it."""
    board, sizes = _by_size(pd.read_csv(folder / "leaderboard.csv"))
    yield from _row(["baseline", "changed", *sizes], head=True)
    for method, settings in _settings_by_method(board["baseline"]).items():
        counts = Counter(itertools.chain.from_iterable(settings.values()))
        # each change is of one setting, so that most rows have the preset's value of any other
        reference = max(settings, key=lambda name: sum(counts[value] for value in settings[name]))
        accuracies = board[board["baseline"] == reference].loc[sizes]
        shown = [_with_interval(row) for _, row in accuracies.iterrows()]
        yield from _row([f"`{method}`", "", *shown])
        compared, _ = _by_size(api.compare(folder, reference))
        for name, given in settings.items():
            if name == reference:
                continue
            differing = sorted(given - settings[reference])
            against = compared[compared["baseline"] == name].loc[sizes].to_dict("records")
            cells = [f"{_points(row)} {row['verdict']}" for row in against]
            yield from _row([f"`{method}`", f"`{', '.join(differing)}`", *cells])


def _settings_by_method(names: Iterable[str]) -> dict[str, dict[str, set[str]]]:
    """By method, and by the name of each of its rows, the settings that stand in brackets in it."""
    settings: dict[str, dict[str, set[str]]] = {}
    for name in sorted(set(names)):
        method, _, given = name.rstrip("]").partition("[")
        settings.setdefault(method, {})[name] = set(given.split(","))
    return settings


def parts(*folders: Path) -> Iterator[str]:
    """A row a source of spread, a column a shot value: spread in points with its interval, and share."""
    frame, sizes = _by_size(exchange.parts(folders))
    yield from _row(
        ["source", "values", *(f"{size}: spread" for size in sizes), "share"], head=True
    )
    for source in ALL_SOURCES:
        rows = frame[frame["source"] == source]
        if rows.empty:
            continue
        spreads = [_with_bounds(rows.loc[size], "spread") for size in sizes]
        levels = rows["levels"].iloc[0]
        shares = " / ".join(f"{100 * rows.loc[size, 'share']:.0f}" for size in sizes)
        yield from _row([source, "" if pd.isna(levels) else levels, *spreads, f"{shares} %"])


def seconds(_: Path) -> Iterator[str]:
    """A row a folder: its trainings and results, and what they took in all, on what."""
    heads = [
        "`published/`",
        "trainings",
        "results",
        "training, s",
        "features, s",
        "answers, s",
        "on",
    ]
    yield from _row(heads, head=True)
    for records in sorted(PUBLISHED.glob("*/records")):
        every = list(api.ResultsFolder(records.parent, write=False))
        spent = {"train": {}, "embed": {}}
        for record, (step, by_training) in itertools.product(every, spent.items()):
            key = record.training.key
            taken = record.seconds.get(step, 0.0)
            by_training[key] = max(taken, by_training.get(key, 0.0))
        answers = sum(record.seconds.get("score", 0.0) for record in every)
        taken = [sum(spent["train"].values()), sum(spent["embed"].values()), answers]
        devices = sorted({record.provenance.device for record in every})
        counts = [len(spent["train"]), len(every)]
        texts = [f"{one:.0f}" for one in taken]
        yield from _row([f"`{records.parent.name}`", *counts, *texts, ", ".join(devices)])


def _with_interval(row: pd.Series[Any]) -> str:
    figures = (100 * row[name] for name in ("accuracy", "ci95_low", "ci95_high"))
    return "{:.1f} ({:.1f} to {:.1f})".format(*figures)


def _with_bounds(row: pd.Series[Any], name: str) -> str:
    middle, low, high = (100 * row[of] for of in (name, f"{name}_low", f"{name}_high"))
    return f"{middle:.1f}" if pd.isna(low) else f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _by_size(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows under the names of their shot values or train sizes, and these names from the least to the most."""
    ordered = frame.sort_values(["train_size", "shots"], kind="stable")
    named = ordered.set_index(
        pd.Index([condition_label(row) for row in ordered.to_dict("records")])
    )
    return named, list(dict.fromkeys(named.index))


def _points(row: dict[str, float]) -> str:
    middle, low, high = (f"{100 * row[of]:+.1f}" for of in ("difference", "low", "high"))
    return f"{middle} ({low} to {high})"


def _row(cells: Sequence[object], *, head: bool = False) -> Iterator[str]:
    yield f"| {' | '.join(str(cell) for cell in cells)} |"
    if head:
        yield "|---" * len(cells) + "|"


KINDS: dict[str, Callable[..., Iterator[str]]] = {
    "accuracy": accuracy,
    "headline": headline,
    "differences": differences,
    "splits": splits,
    "best": best,
    "changes": changes,
    "parts": parts,
    "seconds": seconds,
}


def rebuild(folder: Path) -> None:
    """The CSV files of a folder from its records; a comparison, if there is one, keeps its reference."""
    api.rebuild(folder)
    comparison = folder / "comparison.csv"
    if not comparison.is_file():  # of a single baseline
        return
    reference = pd.read_csv(comparison)["reference"].iloc[0]
    comparison.write_text(tables.csv_text(api.compare(folder, reference)))


if __name__ == "__main__":
    for records in sorted(PUBLISHED.glob("*/records")):
        rebuild(records.parent)
    for path in PAGES:
        path.write_text(with_tables(path.read_text()))
