"""Tables beside the rankings: what each class was taken for, its recall, and where encoders look.

Rows of different questions never stand in one table. Percent is for eyes; files hold fractions.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.cli.layout import (
    Cells,
    heading,
    older_notes,
    percent,
    percent_with_interval,
    test_classes_text,
)
from fewshot_bench.leaderboard.columns import Ranking, condition_label, question_text, rankings
from fewshot_bench.protocols.split import tested_on_text

__all__ = ["confusion_blocks", "hardest_blocks", "pointing_blocks", "recall_blocks"]

MOST_MISTAKES = 3  # classes that a class is most often taken for, where not all fit

POINTING_NOTE = (
    "Share of the heat inside the boxes, and how often its maximum is inside, in %, +- half of the "
    "95 % interval over other images of these classes and, if there are several trainings, over "
    "other trainings. Images without heat are left out. Chance: the share of the image that the "
    "boxes cover, and their share of the places where a map of this size can have its maximum."
)
HARDEST_NOTE = (
    "asked: queries with this picture, over episodes, trainings and methods. A picture that nearly "
    "all take for one other class may have the wrong label."
)
NO_BOXES_NOTE = "The data set has no boxes, so nothing is measured."


def confusion_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """What the images of each class were taken for, and its recall, in few-shot protocols."""
    few_shot = frame[frame["train_size"].isna()]
    for ranking in rankings(few_shot):
        for (name, _), part in ranking.rows.groupby(["baseline", "shots"], sort=False):
            row = part.iloc[0].to_dict()
            text = (
                f"{row['dataset']}, {row['protocol']}: {name}, {condition_label(row)}, "
                f"{question_text(row)}, preset {row['preset']}"
            )
            yield Line(heading(text, ranking))
            yield _confusion_grid(part)
    yield from older_notes(few_shot["baseline"].unique())


def _confusion_grid(rows: pd.DataFrame) -> Grid:
    """True classes by rows, predicted classes by columns; the lowest recall is marked.

    Where the predicted classes do not fit, those that a class is most often taken for.
    """
    counts = rows.pivot_table(index="class", columns="predicted", values="count", sort=False)
    shares = rows.pivot_table(index="class", columns="predicted", values="share", sort=False)
    is_right = rows["class"] == rows["predicted"]
    recalls = rows[is_right]["share"].tolist()
    all_counts = []
    mistakes = []
    of_classes = zip(recalls, counts.iterrows(), shares.iterrows(), strict=True)
    for recall, (name, of_class), (_, shares_of_class) in of_classes:
        front = [str(name), percent(recall), "worst" if recall == min(recalls) else ""]
        all_counts.append([*front, *(f"{count:.0f}" for count in of_class)])
        mistakes.append([*front, _mistakes_text(shares_of_class.drop(name))])
    heads = ["class", "recall", ""]
    taken_for = Grid([*heads, "most often taken for, in %"], mistakes, shrinks=3, is_cut=True)
    predicted = [f"as {name}" for name in counts.columns]
    return Grid([*heads, *predicted], all_counts, front=len(heads), otherwise=taken_for)


def _mistakes_text(shares: pd.Series[float]) -> str:
    """The classes that a class is most often taken for. shares: by class, but for itself."""
    texts = []
    for name, share in shares.nlargest(MOST_MISTAKES).items():
        if share > 0:
            texts.append(f"{name} {percent(share)}")
    return ", ".join(texts)


def recall_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """Recall of each class and group of classes in classification protocols.

    Published figures have columns of their own.
    """
    is_published = frame["ci95_low"].isna()  # papers print no interval
    published = frame[is_published]
    for ranking in rankings(frame[~is_published]):
        for _, rows in ranking.rows.groupby("train_size", sort=False):
            published_beside = _beside(published, rows.iloc[0])
            yield from _recall_blocks_at(ranking, rows, published_beside)
    yield from older_notes(frame["baseline"].unique())


def _beside(published: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Published figures for the protocol and train size of a row."""
    is_beside = pd.Series(data=True, index=published.index)
    for name in ("dataset", "protocol", "preset", "train_size"):
        is_beside &= published[name] == row[name]
    return published[is_beside]


def _recall_blocks_at(
    ranking: Ranking, rows: pd.DataFrame, published: pd.DataFrame
) -> Iterator[Block]:
    """Recalls at one train size: classes by rows, baselines and published systems by columns."""
    first = rows.iloc[0].to_dict()
    images = None if first["queries"] == "all" else float(first["queries"])
    text = (
        f"{first['dataset']}, {first['protocol']}, {condition_label(first)}: "
        f"recall in %, tested on {tested_on_text(images)}, preset {first['preset']}"
    )
    yield Line(heading(text, ranking))
    yield _recall_grid(rows, published)
    for (system, differs), _ in published.groupby(["baseline", "published_differs"]):
        yield Line(f"Published: {system} ({differs}).")


def _recall_grid(rows: pd.DataFrame, published: pd.DataFrame) -> Grid:
    """Classes and groups of classes by rows, baselines and published systems by columns."""
    heads = ["class"]
    columns = []
    for part in (rows, published):
        for name, column in part.groupby("baseline", sort=False):
            heads.append(str(name))
            texts = {}
            for row in column.to_dict("records"):
                texts[row["class"]] = _recall_text(row)
            columns.append(texts)
    class_names = pd.concat([rows["class"], published["class"]]).unique()
    lines = []
    for name in class_names:
        lines.append([str(name), *(texts.get(name, "") for texts in columns)])
    return Grid(heads, lines)


def _recall_text(row: Cells) -> str:
    """With its interval; a published figure as it is printed."""
    recall = row["recall"]
    low = row["ci95_low"]
    if pd.isna(low):
        return f"{100 * recall:.2f}"  # with the digits of the paper
    return percent_with_interval(recall, low, row["ci95_high"])


def hardest_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """The test pictures that were most often wrong, a row a picture."""
    rows = []
    for row in frame.to_dict("records"):
        taken_for = row["taken_for"] or "-"
        asked = f"{row['asked']:,}"
        rows.append([percent(row["share"]), asked, row["picture"], row["class"], taken_for])
    heads = ("wrong, %", "asked", "picture", "class", "most often taken for")
    yield Grid(heads, rows, shrinks=heads.index("picture"))
    yield Line(HARDEST_NOTE)


def pointing_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """How much heat of each baseline lies in annotated boxes, beside chance; or why it has none."""
    for ranking in rankings(frame):
        row = ranking.first
        text = (
            f"{row['dataset']}, {row['protocol']}: {condition_label(row)}, preset {row['preset']}"
            f"{test_classes_text(ranking)}"
        )
        yield Line(heading(text, ranking))
        yield from _heat_blocks(ranking.rows)
    is_measured = frame["energy"].notna().any()
    yield Line(POINTING_NOTE if is_measured else NO_BOXES_NOTE)
    yield from older_notes(frame["baseline"])


def _heat_blocks(rows: pd.DataFrame) -> Iterator[Block]:
    """Baselines by rows, and below the table those without heat."""
    heads = ["baseline", "places", "images", "no heat", "in boxes", "chance", "maximum", "chance"]
    reference = rows["reference"].iloc[0]
    if reference is not None:
        heads.append(f"against {reference}")
    texts = []
    for row in rows.dropna(subset=["places"]).to_dict("records"):
        cells = _heat_cells(row)
        if reference is not None:
            cells.append(_heat_text(row, "difference", missing="", sign="+"))
        texts.append(cells)
    yield Grid(heads, texts)
    for row in rows.dropna(subset=["note"]).to_dict("records"):
        yield Line(f"{row['baseline']}: {row['note']}", wraps=False)


def _heat_cells(row: Cells) -> list[str]:
    return [
        row["baseline"],
        row["places"],
        _count_text(row["images"]),
        _count_text(row["without_heat"]),
        _heat_text(row, "energy"),
        percent(row["cover"], missing="-"),
        _heat_text(row, "hit"),
        percent(row["hit_chance"], missing="-"),
    ]


def _heat_text(row: Cells, name: str, *, missing: str = "-", sign: str = "") -> str:
    low = row[f"{name}_low"]
    high = row[f"{name}_high"]
    return percent_with_interval(row[name], low, high, missing=missing, sign=sign)


def _count_text(count: float) -> str:
    if pd.isna(count):
        return "-"
    return f"{count:.0f}"
