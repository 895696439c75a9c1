"""The tables of `results/published`, and those of README.md and results/FINDINGS.md: `uv run python -m tests.published_tables`
makes them anew from the records.

In a page a table stands between `<!-- table: KIND FOLDER -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from fewshot_bench import api
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import condition_label

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
PAGES = (ROOT / "README.md", ROOT / "results" / "FINDINGS.md", ROOT / "docs" / "systems.md")
TABLE = re.compile(r"(<!-- table: (\w+) ([\w-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with each of its tables as the published files have it."""

    def made(found: re.Match[str]) -> str:
        begin, kind, folder, end = found.groups()
        return begin + "\n".join(KINDS[kind](PUBLISHED / folder)) + "\n" + end

    return TABLE.sub(made, page)


def accuracy(folder: Path) -> Iterator[str]:
    """A row a baseline, in the order of its rank at the most shots or train images."""
    board, sizes = _by_size(pd.read_csv(folder / "leaderboard.csv"))
    yield from _row(["rank", "ties", "baseline", "trainings", *sizes, "published"], head=True)
    for row in (
        board.loc[[sizes[-1]]]
        .sort_values(["rank", "accuracy"], ascending=[True, False])
        .to_dict("records")
    ):
        own = board[board["baseline"] == row["baseline"]].loc[sizes]
        cells = [
            f"{100 * middle:.1f} ({100 * low:.1f} to {100 * high:.1f})"
            for middle, low, high in zip(
                own["accuracy"], own["ci95_low"], own["ci95_high"], strict=True
            )
        ]
        papers = " / ".join(
            "-" if pd.isna(value) else f"{100 * value:.2f}" for value in own["published"]
        )
        papers = "" if own["published"].isna().all() else papers
        name = f"`{row['baseline']}`"
        yield from _row([row["rank"], row["ties"], name, row["seeds"], *cells, papers])


def differences(folder: Path) -> Iterator[str]:
    """A row a baseline, what it is ahead of the reference (behind where negative) and the verdict."""
    frame, sizes = _by_size(pd.read_csv(folder / "comparison.csv"))
    yield from _row([f"less `{frame['reference'].iloc[0]}`", *sizes], head=True)
    for name, part in frame.groupby("baseline", sort=False):
        own = part.loc[sizes].to_dict("records")
        yield from _row([f"`{name}`", *(f"{_points(row)} {row['verdict']}" for row in own)])


def splits(folder: Path) -> Iterator[str]:
    """A row a baseline at the most shots: over all splits, and on how many it is better or worse than the reference."""
    frame = pd.read_csv(folder / "splits.csv")
    frame = frame[frame["shots"] == frame["shots"].max()].sort_values("accuracy", ascending=False)
    against = pd.read_csv(folder / "comparison.csv")
    against = against[against["shots"] == against["shots"].max()]
    reference = against["reference"].iloc[0]
    heads = [
        "baseline",
        "mean of splits",
        "sd",
        "worst",
        "best",
        f"than `{reference}`: better / worse / neither",
    ]
    yield from _row(heads, head=True)
    for row in frame.to_dict("records"):
        name, shown = (
            row["baseline"],
            [f"{100 * row[of]:.1f}" for of in ("accuracy", "sd", "worst", "best")],
        )
        verdicts = against.loc[against["baseline"] == name, "verdict"]
        better, worse = ((verdicts == verdict).sum() for verdict in ("better", "worse"))
        counts = (
            "" if name == reference else f"{better} / {worse} / {len(verdicts) - better - worse}"
        )
        yield from _row([f"`{name}`", *shown, counts])


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


KINDS: dict[str, Callable[[Path], Iterator[str]]] = {
    "accuracy": accuracy,
    "differences": differences,
    "splits": splits,
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
