"""Tables beside the rankings: what each class was taken for, its recall, and where encoders look.

Rows of different questions never stand in one table. Percent is for eyes; files hold fractions.
"""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

from fewshot_bench.cli.layout import (
    Cells,
    heading,
    percent,
    percent_with_interval,
    print_line,
    print_older_notes,
    tables_that_fit,
    test_classes_text,
)
from fewshot_bench.leaderboard.columns import Ranking, condition_label, question_text, rankings
from fewshot_bench.protocols.split import tested_on_text

__all__ = ["show_confusion", "show_hardest", "show_pointing", "show_recalls"]

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


def show_confusion(console: Console, frame: pd.DataFrame) -> None:
    """What the images of each class were taken for, and its recall, in few-shot protocols."""
    few_shot = frame[frame["train_size"].isna()]
    for ranking in rankings(few_shot):
        for (name, _), part in ranking.rows.groupby(["baseline", "shots"], sort=False):
            row = part.iloc[0].to_dict()
            text = (
                f"{row['dataset']}, {row['protocol']}: {name}, {condition_label(row)}, "
                f"{question_text(row)}, preset {row['preset']}"
            )
            print_line(console, heading(text, ranking))
            console.print(_confusion_table(part))
    print_older_notes(console, few_shot["baseline"].unique())


def _confusion_table(rows: pd.DataFrame) -> Table:
    """True classes by rows, predicted classes by columns; the lowest recall is marked."""
    counts = rows.pivot_table(index="class", columns="predicted", values="count", sort=False)
    right = rows[rows["class"] == rows["predicted"]]
    recalls = dict(zip(right["class"], right["share"], strict=True))
    worst = min(recalls.values())
    table = Table("class", "recall", "")
    for predicted in counts.columns:
        table.add_column(f"as {predicted}")
    for name, row in counts.iterrows():
        recall = recalls[str(name)]
        mark = "worst" if recall == worst else ""
        table.add_row(str(name), percent(recall), mark, *(f"{count:.0f}" for count in row))
    return table


def show_recalls(console: Console, frame: pd.DataFrame) -> None:
    """Recall of each class and group of classes in classification protocols.

    Published figures have columns of their own.
    """
    is_published = frame["ci95_low"].isna()  # papers print no interval
    published = frame[is_published]
    for ranking in rankings(frame[~is_published]):
        for _, rows in ranking.rows.groupby("train_size", sort=False):
            published_beside = _beside(published, rows.iloc[0])
            _show_recalls_at(console, ranking, rows, published_beside)
    print_older_notes(console, frame["baseline"].unique())


def _beside(published: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Published figures for the protocol and train size of a row."""
    is_beside = pd.Series(data=True, index=published.index)
    for name in ("dataset", "protocol", "preset", "train_size"):
        is_beside &= published[name] == row[name]
    return published[is_beside]


def _show_recalls_at(
    console: Console, ranking: Ranking, rows: pd.DataFrame, published: pd.DataFrame
) -> None:
    """Recalls at one train size: classes by rows, baselines and published systems by columns."""
    first = rows.iloc[0].to_dict()
    images = None if first["queries"] == "all" else float(first["queries"])
    text = (
        f"{first['dataset']}, {first['protocol']}, {condition_label(first)}: "
        f"recall in %, tested on {tested_on_text(images)}, preset {first['preset']}"
    )
    print_line(console, heading(text, ranking))
    console.print(_recall_table(rows, published))
    for (system, differs), _ in published.groupby(["baseline", "published_differs"]):
        print_line(console, f"Published: {system} ({differs}).")


def _recall_table(rows: pd.DataFrame, published: pd.DataFrame) -> Table:
    """Classes and groups of classes by rows, baselines and published systems by columns."""
    table = Table("class")
    columns = []
    for part in (rows, published):
        for name, column in part.groupby("baseline", sort=False):
            table.add_column(str(name))
            texts = {}
            for row in column.to_dict("records"):
                texts[row["class"]] = _recall_text(row)
            columns.append(texts)
    class_names = pd.concat([rows["class"], published["class"]]).unique()
    for name in class_names:
        cells = [texts.get(name, "") for texts in columns]
        table.add_row(str(name), *cells)
    return table


def _recall_text(row: Cells) -> str:
    """With its interval; a published figure as it is printed."""
    recall = row["recall"]
    low = row["ci95_low"]
    if pd.isna(low):
        return f"{100 * recall:.2f}"  # with the digits of the paper
    return percent_with_interval(recall, low, row["ci95_high"])


def show_hardest(console: Console, frame: pd.DataFrame) -> None:
    """The test pictures that were most often wrong, a row a picture."""
    table = Table("wrong, %", "asked", "picture", "class", "most often taken for")
    for row in frame.to_dict("records"):
        table.add_row(
            percent(row["share"]),
            f"{row['asked']:,}",
            row["picture"],
            row["class"],
            row["taken_for"] or "-",
        )
    console.print(table)
    print_line(console, HARDEST_NOTE)


def show_pointing(console: Console, frame: pd.DataFrame) -> None:
    """How much heat of each baseline lies in annotated boxes, beside chance; or why it has none."""
    for ranking in rankings(frame):
        row = ranking.first
        text = (
            f"{row['dataset']}, {row['protocol']}: {condition_label(row)}, preset {row['preset']}"
            f"{test_classes_text(ranking)}"
        )
        print_line(console, heading(text, ranking))
        _show_heat(console, ranking.rows)
    is_measured = frame["energy"].notna().any()
    print_line(console, POINTING_NOTE if is_measured else NO_BOXES_NOTE)
    print_older_notes(console, frame["baseline"])


def _show_heat(console: Console, rows: pd.DataFrame) -> None:
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
    for table in tables_that_fit(heads, texts, console.width, front=1):
        console.print(table)
    for row in rows.dropna(subset=["note"]).to_dict("records"):
        print_line(console, f"{row['baseline']}: {row['note']}", wrap=False)


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
