"""Tables of rankings: the leaderboard, and the mean over all splits.

Rows of different questions never stand in one table. Percent is for eyes; files hold fractions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from rich.console import Console

from fewshot_bench.api import Outcome
from fewshot_bench.cli.blocks import Block, Grid, Line, print_blocks
from fewshot_bench.cli.comparison_table import comparison_blocks
from fewshot_bench.cli.layout import (
    Cells,
    heading,
    older_notes,
    percent,
    percent_with_interval,
    test_classes_text,
)
from fewshot_bench.cli.lists import contradictions_text, dropped_text
from fewshot_bench.cli.output import show_failed, show_written
from fewshot_bench.leaderboard.columns import (
    BY_CONDITION,
    MEASURES,
    SPLITS_QUESTION,
    Ranking,
    condition_label,
    is_of_splits,
    question_text,
    rankings,
)
from fewshot_bench.leaderboard.doubt import DOUBT, doubt_notes, doubt_of
from fewshot_bench.leaderboard.tables import splits

__all__ = ["leaderboard_blocks", "show_outcome", "splits_blocks"]

UNRANKED = math.inf  # sorts below every rank
EXPLANATIONS = {
    "macro_recall": "macro: mean recall of the classes",
    "accuracy_known": (
        "with known classes the accuracy is the harmonic mean of that on new and that on known "
        "classes"
    ),
    "pairs": (
        "of pairs, the accuracy is the share that is rightly called the same class or not, and the "
        "AUROC how often a pair of one class scores higher than one of two"
    ),
    "false_accepts": (
        "AUROC: how often a query with references scores higher than one without; false accepts: "
        "the share of those without that pass where 95 % of the others do"
    ),
}
SPLITS_HEADS = ("baseline", "shots", "splits", "mean", "sd", "worst", "on test classes")
SPLITS_NOTE = (
    "Mean, standard deviation and worst accuracy over all splits in %; "
    "splits share classes and images, so there is no interval over them."
)


def show_outcome(console: Console, outcome: Outcome) -> None:
    """The leaderboard of a run, notes on the data, what failed, and which files were written."""
    print_blocks(console, _outcome_blocks(outcome))
    show_failed(console, [record.message for record in outcome.failed])
    show_written(console, outcome.files)


def _outcome_blocks(outcome: Outcome) -> Iterator[Block]:
    yield from leaderboard_blocks(outcome.table)
    if outcome.comparison is not None:
        yield from comparison_blocks(outcome.comparison)
    for note in outcome.notes:
        yield Line(f"Note: {note}.")
    for note in outcome.data.notes:
        yield Line(f"Data: {note}.")
    if outcome.data.dropped:
        yield Line(f"Data: byte-identical copies: {dropped_text(outcome.data)}.")
    if outcome.data.contradictions:
        yield Line(f"Data: {contradictions_text(outcome.data)}.")


def leaderboard_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """A table for each ranking: baselines by rows, shot values or train sizes by columns.

    A cell is the accuracy in percent with its interval.
    """
    of_splits = is_of_splits(frame)
    ranked = frame[~of_splits]
    if of_splits.any():
        yield from splits_blocks(splits(frame))
    for ranking in rankings(ranked):
        yield from _ranking_blocks(ranking)
    if len(ranked):
        yield Line(_accuracy_note(ranked))
        for sentence in (*doubt_notes(ranked), *_undecided(ranked)):
            yield Line(sentence)
    yield from older_notes(frame["baseline"])


def _ranking_blocks(ranking: Ranking) -> Iterator[Block]:
    """One ranking with its heading, notes and published figures."""
    rows = ranking.rows
    yield Line(_ranking_heading(ranking))
    yield _ranking_grid(rows)
    # an empty text and no text both stand for no note
    noted = rows[rows["note"].fillna("") != ""]
    for note, part in noted.groupby("note"):
        names = part["baseline"].unique()
        is_on_all = len(names) == rows["baseline"].nunique()
        about = "" if is_on_all else f" on {', '.join(names)}"
        yield Line(f"Note{about}: {note}.")
    figures = rows.dropna(subset=["published"])
    for (name, differs), part in figures.groupby(["baseline", "published_differs"]):
        printed = _published_text(part)
        yield Line(f"Published for {name}, not ranked: {printed} ({differs}).")


def _ranking_heading(ranking: Ranking) -> str:
    row = ranking.first
    has_episodes = pd.isna(row["train_size"]) and pd.isna(row["pairs"])
    text = f"{row['dataset']}, {row['protocol']}: {question_text(row)}"
    if has_episodes:
        most_episodes = ranking.rows["episodes"].max()
        text += f", {most_episodes} episodes"
    text += f", preset {row['preset']}"
    encoders = ranking.rows["encoder"].dropna().unique()
    if len(encoders) == 1:
        text += f", encoder {encoders[0]}"
    return heading(f"{text}{test_classes_text(ranking)}", ranking)


def _published_text(rows: pd.DataFrame) -> str:
    figures = []
    for row in rows.to_dict("records"):
        figures.append(f"{100 * row['published']:.2f} at {condition_label(row)}")
    return ", ".join(figures)


def _accuracy_note(frame: pd.DataFrame) -> str:
    text = (
        "Accuracy in %, +- half of the 95 % interval (or [its bounds] where it is lopsided) over "
        "other images of these classes"
    )
    if (frame["group_by"].fillna("") != "").any():
        text += " (where they are grouped, over other groups)"
    if (frame["seeds"] > 1).any():
        text += " and other trainings, all that the folder holds"
    text += (
        "; rank: 1 + the number of baselines that are significantly better, in the last column; "
        "ties: rows that share a letter are not shown to differ there; bold: no other row is "
        "significantly better at that shot value or train size"
    )
    if frame["transductive"].fillna(value=False).any():
        text += (
            "; of a transductive baseline the interval leaves out what other queries beside an "
            "image would change, and is too narrow at 1 shot"
        )
    for column, explanation in EXPLANATIONS.items():
        if frame[column].notna().any():
            text += f"; {explanation}"
    return f"{text}."


def _undecided(frame: pd.DataFrame) -> Iterator[str]:
    """What would decide between the first two rows of each ranking, in its last column."""
    # an empty text and no text both stand for nothing
    is_open = frame["would_decide"].notna() & (frame["would_decide"] != "")
    for ranking in rankings(frame[is_open]):
        ordered = ranking.rows.sort_values([*BY_CONDITION], kind="stable")
        row = ordered.iloc[-1].to_dict()
        question = f"{row['dataset']}, {row['protocol']}{_apart(row)}"
        label = condition_label(row)
        yield f"Undecided, {question}: {row['baseline']} at {label}, {row['would_decide']}."


def _apart(row: Cells) -> str:
    """What sets a question apart from others of its protocol."""
    texts = []
    if row["group_by"]:
        texts.append(f", grouped by {row['group_by']}")
    if row["unlabelled"]:
        texts.append(f", {row['unlabelled']} of the train images without labels")
    return "".join(texts)


@dataclass(frozen=True, eq=False)
class _Line:
    """One baseline in a table: its cells by condition, and the condition that the rank is of."""

    name: str
    cells: Mapping[str, Cells]
    last: str

    @property
    def rank(self) -> float:
        """The rank in the last column, `UNRANKED` if it has none there."""
        if self.last not in self.cells:
            return UNRANKED
        rank = self.cells[self.last]["rank"]
        return UNRANKED if pd.isna(rank) else int(rank)

    @property
    def order(self) -> tuple[float, float, str]:
        """What lines are sorted by: rank, then accuracy in the last column, highest first."""
        accuracy = -math.inf  # missing: below all others
        if self.last in self.cells and pd.notna(self.cells[self.last]["accuracy"]):
            accuracy = self.cells[self.last]["accuracy"]
        return self.rank, -accuracy, self.name

    def text(self, column: str) -> str:
        """What stands in one of the columns before the accuracies."""
        if column == "rank":
            return "-" if self.rank == UNRANKED else str(self.rank)
        if column == "ties":
            return "" if self.rank == UNRANKED else str(self.cells[self.last]["ties"])
        values = [cell[column] for cell in self.cells.values()]
        if column == "seeds":
            return str(max(values))
        # the encoder is the same in all cells, and the rule but for 0 shots
        texts = ["-" if pd.isna(value) else str(value) for value in values]
        return ", ".join(dict.fromkeys(texts))

    def marked_name(self, most_episodes: int) -> str:
        """Its name, marked if it answered fewer episodes than others or is transductive."""
        marks = []
        for label, cell in self.cells.items():
            mark = _episodes_mark(cell, most_episodes)
            if mark:
                marks.append(f"{mark} at {label}")
        first = next(iter(self.cells.values()))
        if len(marks) == len(self.cells) and self.has_same("episodes"):
            marks = [f"{first['episodes']} episodes"]
        if first["transductive"]:
            marks.append("transductive")
        if not marks:
            return self.name
        return f"{self.name} ({', '.join(marks)})"

    def has_same(self, column: str) -> bool:
        """Whether all its cells have the same in a column."""
        values = {cell[column] for cell in self.cells.values()}
        return len(values) == 1


def _episodes_mark(row: Cells, most_episodes: int) -> str:
    """The number of episodes, if others answered more and the name does not say it already."""
    episodes = row["episodes"]
    if pd.isna(episodes):  # of pairs
        return ""
    if episodes == most_episodes or f"episodes={episodes}" in row["baseline"]:
        return ""
    return f"{episodes} episodes"


def _ranking_grid(rows: pd.DataFrame) -> Grid:
    """Baselines by rows, shot values or train sizes by columns."""
    is_classification = bool(rows["train_size"].notna().any())
    labels = _condition_labels(rows)
    extra = _extra_columns(rows, is_classification=is_classification)
    heads = ["rank", "baseline", "ties"]
    for column in extra:
        heads.append("runs" if is_classification and column == "seeds" else column)
    front = len(heads)
    measures = [name for name, column in MEASURES.items() if rows[column].notna().any()]
    for label in labels:
        heads += [label, *measures]

    most_episodes = rows["episodes"].max()
    lines = _lines(rows, last=labels[-1])
    texts = []
    for line in lines:
        row = [line.text("rank"), line.marked_name(most_episodes), line.text("ties")]
        for column in extra:
            row.append(line.text(column))
        for label in labels:
            cell = line.cells.get(label)
            row.append(_accuracy_text(cell))
            for measure in measures:
                row.append("missing" if cell is None else percent(cell[MEASURES[measure]]))
        texts.append(row)
    bold: set[tuple[int, int]] = set()
    for number, label in enumerate(labels):
        of_label = front + number * (1 + len(measures))
        bold |= {(row, of_label) for row in _best_rows(lines, label)}
    return Grid(
        heads,
        texts,
        front=front,
        spare=[column for column in ("encoder", "rule") if column in extra],
        shrinks=heads.index("baseline"),
        bold=frozenset(bold),
    )


def _best_rows(lines: Sequence[_Line], label: str) -> list[int]:
    """The rows that none is significantly better than, if they are significantly better than any.

    label: the condition.
    """
    ranks: dict[int, int] = {}
    for row, line in enumerate(lines):
        if label in line.cells and pd.notna(line.cells[label]["rank"]):
            ranks[row] = int(line.cells[label]["rank"])
    if len(set(ranks.values())) < 2:
        return []
    return [row for row, rank in ranks.items() if rank == 1]


def _lines(rows: pd.DataFrame, last: str) -> list[_Line]:
    """The lines of a ranking, best first. last: the condition that the rank is of."""
    lines = []
    for name, part in rows.groupby("baseline", sort=False):
        cells = {}
        for row in part.to_dict("records"):
            cells[condition_label(row)] = row
        lines.append(_Line(str(name), cells, last))
    lines.sort(key=lambda line: line.order)
    return lines


def _condition_labels(rows: pd.DataFrame) -> list[str]:
    """The columns of a ranking: its shot values or train sizes, from the smallest on."""
    ordered = rows.sort_values([*BY_CONDITION], kind="stable")
    labels: list[str] = []
    for row in ordered.to_dict("records"):
        label = condition_label(row)
        if label not in labels:
            labels.append(label)
    return labels


def _extra_columns(rows: pd.DataFrame, *, is_classification: bool) -> list[str]:
    """Columns between the names and the accuracies."""
    columns = []
    if rows["encoder"].nunique() > 1:
        columns.append("encoder")
    columns.append("rule")
    if rows["seeds"].max() > 1 or is_classification:
        columns.append("seeds")
    return columns


def _accuracy_text(cell: Cells | None) -> str:
    """The accuracy with its interval, or why there is none."""
    if cell is None:
        return "missing"
    text = percent_with_interval(
        cell["accuracy"], cell["ci95_low"], cell["ci95_high"], missing=str(cell["status"])
    )
    return f"{text} {DOUBT}" if doubt_of(cell) else text


def splits_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """Each baseline over all splits of the classes: mean, spread and worst split."""
    for ranking in rankings(frame, SPLITS_QUESTION):
        row = ranking.first
        most_episodes = ranking.rows["episodes"].max()
        text = (
            f"{row['dataset']}, all splits: {row['ways']}-way, {row['queries']} queries a class, "
            f"{most_episodes} episodes, preset {row['preset']}"
        )
        yield Line(heading(text, ranking))
        yield _splits_grid(ranking.rows, most_episodes)
    yield Line(SPLITS_NOTE)


def _splits_grid(rows: pd.DataFrame, most_episodes: int) -> Grid:
    """Baselines by rows, for each shot value the most accurate first."""
    ordered = rows.sort_values(
        ["shots", "accuracy", "baseline"], ascending=[True, False, True], kind="stable"
    )
    texts = []
    for row in ordered.to_dict("records"):
        mark = _episodes_mark(row, most_episodes)
        worst_classes = row["worst_test_classes"]
        cells = [
            f"{row['baseline']} ({mark})" if mark else row["baseline"],
            str(row["shots"]),
            f"{row['splits']} of {row['of']}",
            percent(row["accuracy"]),
            percent(row["sd"]),
            percent(row["worst"]),
            "" if pd.isna(worst_classes) else worst_classes,
        ]
        texts.append(cells)
    return Grid(SPLITS_HEADS, texts, spare=SPLITS_HEADS[-1:])
