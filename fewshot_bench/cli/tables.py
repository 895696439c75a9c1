"""Tables for the terminal. Percent is for eyes; files hold fractions."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from fewshot_bench.api import Outcome
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.leaderboard.columns import condition_label, is_of_splits, question_text
from fewshot_bench.leaderboard.compare import which_test
from fewshot_bench.leaderboard.tables import CONFUSED, splits
from fewshot_bench.registry.catalogue import PluginRow

__all__ = [
    "show_comparison",
    "show_confusion",
    "show_data",
    "show_failed",
    "show_findings",
    "show_leaderboard",
    "show_outcome",
    "show_plugins",
    "show_pointing",
    "show_recalls",
    "show_written",
]


WITH_ENCODER, WITH_RULE = 100, 120  # columns of text from which on there is room for them
# what a baseline's cells in a table share
ROW = [
    "baseline",
    "encoder",
    "episodes",
    "transductive",
    "settings",
    "source",
    "version",
    "train_classes",
    "episodes_file",
]


def show_outcome(console: Console, outcome: Outcome) -> None:
    """The leaderboard of a run, what it was measured on, what failed, and where the files lie."""
    show_leaderboard(console, outcome.table)
    if outcome.comparison is not None:
        show_comparison(console, outcome.comparison)
    for note in outcome.data.notes:
        console.print(f"Data: {note}.", highlight=False, markup=False)
    if outcome.data.dropped:
        console.print(f"Data: {_dropped(outcome.data)}.", highlight=False, markup=False)
    show_failed(console, (record.told for record in outcome.failed))
    show_written(console, outcome.files)


def show_failed(console: Console, lines: Iterable[str]) -> None:
    """What has no result, with its reason."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_written(console: Console, files: Sequence[Path]) -> None:
    """Where the files of a command lie."""
    console.print(
        "Written: " + ", ".join(map(str, files)), highlight=False, markup=False, soft_wrap=True
    )


def show_leaderboard(console: Console, frame: pd.DataFrame) -> None:
    """A table for each question: baselines by rows, shot values by columns, accuracy in percent with its interval."""
    among = [
        "dataset",
        "dataset_digest",
        "protocol",
        "test_classes",
        "preset",
        "ways",
        "queries",
        "episode_seed",
    ]
    split = is_of_splits(frame)
    if split.any():
        show_splits(console, splits(frame))
    for _, part in frame[~split].groupby(among, sort=False):
        console.print(
            _title(part.sort_values("episodes").iloc[-1].to_dict()), highlight=False, markup=False
        )
        for board in _board(part, console.width):
            console.print(board)
        for note in sorted(set(part["note"].dropna()) - {""}):
            console.print(f"Note: {note}.", highlight=False, markup=False)
        for (name, differs), figures in part.dropna(subset=["published"]).groupby(
            ["baseline", "published_differs"]
        ):
            printed = ", ".join(
                f"{100 * row['published']:.2f} at {condition_label(row)}"
                for row in figures.to_dict("records")
            )
            console.print(
                f"Published for {name}, not ranked: {printed} ({differs}).",
                highlight=False,
                markup=False,
            )
    several, runs = (frame["seeds"] > 1).any(), frame["train_size"].notna()
    console.print(
        "Accuracy in %, +- half of the 95 % interval over other images of these classes"
        + (" and other trainings" if several else "")
        + "; rank: 1 + the baselines that are significantly better, in the last column"
        + ("; macro: mean recall of the classes." if runs.any() else "."),
        highlight=False,
    )


def _title(row: Mapping[Any, Any]) -> str:
    few_shot = pd.isna(row["train_size"])
    episodes, tested = (
        (f", {row['episodes']} episodes", f"; test classes {row['test_classes']}")
        if few_shot
        else ("", "")
    )
    return f"{row['dataset']}, {row['protocol']}: {question_text(row)}{episodes}, preset {row['preset']}{tested}"


def _board(part: pd.DataFrame, width: int) -> Iterator[Table]:
    """Baselines by rows, shot values or train sizes by columns; encoder and rule where there is room."""
    several, runs = part["seeds"].max() > 1, bool(part["train_size"].notna().any())
    ordered = part.sort_values(["train_size", "shots"], kind="stable")
    columns = list(dict.fromkeys(condition_label(row) for row in ordered.to_dict("records")))
    more = ["encoder"] if width >= WITH_ENCODER else []
    more += ["rule"] if width >= WITH_RULE or runs else []
    counted = ["runs" if runs else "seeds"] if several or runs else []
    heads = [head for name in columns for head in ([name, "macro"] if runs else [name])]
    rows = []
    filled = part.fillna({"encoder": "-", "episodes_file": ""})
    for (name, _, episodes, transductive, *_), cells in filled.groupby(ROW):
        by_column = {condition_label(row): row for row in cells.to_dict("records")}
        last = by_column.get(columns[-1])
        rank = None if last is None or pd.isna(last["rank"]) else int(last["rank"])
        texts = [text for at in columns for text in _cells(by_column.get(at), runs=runs)]
        told = [f"{episodes} episodes"] if episodes < part["episodes"].max() else []
        told += ["transductive"] if transductive else []
        shown = f"{name} ({', '.join(told)})" if told else str(name)
        front = [shown, *(str(cells[name].iloc[0]) for name in more)]
        rows.append((rank if rank is not None else len(part) + 1, [
            "-" if rank is None else str(rank), *front, *([str(cells["seeds"].max())] if counted else []), *texts,
        ]))  # fmt: skip
    found = [texts for _, texts in sorted(rows, key=lambda row: (row[0], row[1][1]))]
    return _fitting(
        ["rank", "baseline", *more, *counted, *heads],
        found,
        width,
        front=2 + len(more) + len(counted),
    )


def _fitting(
    heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, front: int
) -> Iterator[Table]:
    """As many tables as it takes to fit so many columns of text, each with the first `front` columns."""
    takes = [max(len(text) for text in texts) + 3 for texts in zip(heads, *rows, strict=True)]
    at = front
    while at < len(heads):
        end = at + 1
        while end < len(heads) and sum(takes[:front]) + sum(takes[at : end + 1]) < width:
            end += 1
        shown = [*range(front), *range(at, end)]
        table = Table()
        for number in shown:
            table.add_column(heads[number], overflow="fold")
        for row in rows:
            table.add_row(*(row[number] for number in shown))
        yield table
        at = end


def _cells(row: dict[Hashable, Any] | None, *, runs: bool) -> list[str]:
    """Accuracy with its interval; of runs macro recall too."""
    return [
        _percent(row),
        *([_maybe(math.nan if row is None else row["macro_recall"])] if runs else []),
    ]


def _percent(row: dict[Hashable, Any] | None) -> str:
    if row is None:
        return "missing"
    if pd.isna(row["accuracy"]):
        return str(row["status"])
    if pd.isna(row["ci95_low"]):
        return f"{100 * row['accuracy']:.2f}"  # as a paper prints it
    half = (row["ci95_high"] - row["ci95_low"]) / 2
    return f"{100 * row['accuracy']:.1f} +- {100 * half:.1f}"


def show_splits(console: Console, frame: pd.DataFrame) -> None:
    """Each baseline over all splits of the classes: mean, spread, and the split it does worst on."""
    for values, part in frame.groupby(
        ["dataset", "preset", "ways", "queries", "episodes"], sort=False
    ):
        console.print(
            "{0}, all splits: {2}-way, {3} queries a class, {4} episodes, preset {1}".format(
                *values
            ),
            highlight=False,
        )
        table = Table("baseline", "shots", "splits", "mean", "sd", "worst", "on test classes")
        for row in part.to_dict("records"):
            numbers = [_maybe(row[name]) for name in ("accuracy", "sd", "worst")]
            worst = "" if pd.isna(row["worst_test_classes"]) else row["worst_test_classes"]
            table.add_row(
                row["baseline"],
                str(row["shots"]),
                f"{row['splits']} of {row['of']}",
                *numbers,
                worst,
            )
        console.print(table)


def _maybe(share: float) -> str:
    return "missing" if pd.isna(share) else f"{100 * share:.1f}"


def show_comparison(console: Console, frame: pd.DataFrame) -> None:
    """Paired differences with their verdicts, and the test that decided."""
    for values, part in frame.groupby(
        ["dataset", "protocol", "test_classes", "preset", "reference"], sort=False
    ):
        console.print(
            "{}, {}: test classes {}, preset {}, against {}".format(*values), highlight=False
        )
        table = Table(
            "baseline", "asked", "difference", "95 % interval", "p", "p (Holm)", "verdict"
        )
        for row in part.to_dict("records"):
            interval = f"{100 * row['ci95_low']:+.1f} to {100 * row['ci95_high']:+.1f}"
            p = [
                f"{row[name]:.3f}" if row[name] >= 0.001 else "< 0.001" for name in ("p", "p_holm")
            ]
            table.add_row(
                row["baseline"],
                condition_label(row),
                f"{100 * row['difference']:+.1f}",
                interval,
                *p,
                row["verdict"],
            )
        console.print(table)
    console.print(
        which_test(frame) if len(frame) else "Nothing to compare.", highlight=False, markup=False
    )


def show_confusion(console: Console, frame: pd.DataFrame) -> None:
    """Recall of each class, the worst marked, and what its images were taken for, in few-shot protocols."""
    for values, part in frame[frame["train_size"].isna()].groupby(
        CONFUSED, sort=False, dropna=False
    ):
        asked = dict(zip(CONFUSED, values, strict=True))
        console.print(
            "{dataset}, {protocol}: {baseline}, {ways}-way {shots}-shot".format(**asked),
            highlight=False,
        )
        counts = part.pivot_table(index="class", columns="predicted", values="count", sort=False)
        own = part[part["class"] == part["predicted"]]
        recall = dict(zip(own["class"], own["share"], strict=True))
        table = Table("class", "recall", "", *(f"as {name}" for name in counts.columns))
        for name, row in counts.iterrows():
            mark = "worst" if recall[str(name)] == min(recall.values()) else ""
            table.add_row(
                str(name), _maybe(recall[str(name)]), mark, *(f"{count:.0f}" for count in row)
            )
        console.print(table)


def show_recalls(console: Console, frame: pd.DataFrame) -> None:
    """Recall of each class and group of classes in classification protocols, published figures in columns of their own."""
    for values, part in frame.groupby(["dataset", "protocol", "preset", "train_size"], sort=False):
        dataset, protocol, preset, _ = values
        at = condition_label(part.iloc[0].to_dict())
        console.print(
            f"{dataset}, {protocol}, {at}: recall in %, preset {preset}",
            highlight=False,
            markup=False,
        )
        who = list(
            part.fillna({"settings": "", "encoder": ""}).groupby(
                ["baseline", "settings", "encoder"], sort=False
            )
        )
        table = Table("class", *(f"{name} {encoder}".strip() for (name, _, encoder), _ in who))
        cells = [
            {
                row["class"]: _percent({**row, "accuracy": row["recall"]})
                for row in rows.to_dict("records")
            }
            for _, rows in who
        ]
        for name in part["class"].unique():
            table.add_row(str(name), *(column_cells.get(name, "") for column_cells in cells))
        console.print(table)
        for (system, differs), _ in part[part["ci95_low"].isna()].groupby(
            ["baseline", "published_differs"]
        ):
            console.print(f"Published: {system} ({differs}).", highlight=False, markup=False)


def show_findings(console: Console, frame: pd.DataFrame) -> None:
    """What the contract's checks found, baseline by baseline: the broken ones with what was expected and what came."""
    for name, part in frame.groupby("baseline", sort=False):
        counts = part["status"].value_counts()
        told = (("broken", "broken"), ("not checked", "not checked"), ("ok", "checks passed"))
        summary = ", ".join(
            f"{counts[status]} {words}" for status, words in told if status in counts
        )
        console.print(f"{name}: {summary}", highlight=False, markup=False)
        for (status, reason), rows in part[part["status"] != "ok"].groupby(
            ["status", "told"], sort=False
        ):
            line = f"  {status}: {', '.join(rows['check'])}: {reason}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)


POINTING = (
    "Share of the heat inside the boxes, and how often its maximum is, in %, +- half the 95 % interval over other images "
    "of these classes and, of several trainings, over other trainings, for images with heat; chance: what the boxes cover, "
    "and their share of where a map of so many places can have its maximum."
)
NO_BOXES = "The data set has no boxes, so nothing is measured."


def show_pointing(console: Console, frame: pd.DataFrame) -> None:
    """How much of each baseline's heat lies in annotated boxes, beside what chance would give; or why it has none."""
    for values, part in frame.groupby(["dataset", "protocol", "test_classes"], sort=False):
        at = condition_label(part.iloc[0].to_dict())
        console.print(
            "{}, {}: test classes {}, ".format(*values) + at, highlight=False, markup=False
        )
        held = part["reference"].iloc[0]
        heads = [
            "baseline",
            "places",
            "images",
            "no heat",
            "in boxes",
            "chance",
            "maximum",
            "chance",
        ]
        rows = []
        for row in part.dropna(subset=["places"]).to_dict("records"):
            counts = [
                "-" if pd.isna(row[name]) else f"{row[name]:.0f}"
                for name in ("images", "without_heat")
            ]
            cells = [
                _within(row, "energy"),
                _chance(row["cover"]),
                _within(row, "hit"),
                _chance(row["hit_chance"]),
            ]
            against = (
                []
                if held is None
                else ["" if pd.isna(row["difference"]) else _within(row, "difference", sign="+")]
            )
            rows.append([row["baseline"], row["places"], *counts, *cells, *against])
        for table in _fitting(
            [*heads, *([] if held is None else [f"against {held}"])], rows, console.width, front=1
        ):
            console.print(table)
        for row in part.dropna(subset=["note"]).to_dict("records"):
            console.print(
                f"{row['baseline']}: {row['note']}", highlight=False, markup=False, soft_wrap=True
            )
        console.print(POINTING if part["energy"].notna().any() else NO_BOXES, highlight=False)


def _chance(share: float) -> str:
    return "-" if pd.isna(share) else f"{100 * share:.1f}"


def _within(row: dict[Hashable, Any], name: str, *, sign: str = "") -> str:
    """A share in percent with its interval."""
    if pd.isna(row[name]):
        return "-"
    return f"{100 * row[name]:{sign}.1f} +- {50 * (row[f'{name}_high'] - row[f'{name}_low']):.1f}"


def show_data(console: Console, data: LabelledImages) -> None:
    """What a data set holds and what is wrong with it."""
    channels, height, width = data.images.shape[1:]
    console.print(
        f"{data.name}: {len(data)} images of {width} x {height} pixels, {'grey' if channels == 1 else 'RGB'}, "
        f"{len(data.class_names)} classes, digest {data.digest[:32]}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("class", "short", "images", *(["boxes"] if data.boxes is not None else []))
    short = {full: name for name, full in data.abbreviations.items()}
    for name in data.class_names:
        first, count = data.class_range(name)
        boxes = (
            []
            if data.boxes is None
            else [str(sum(len(b) for b in data.boxes[first : first + count]))]
        )
        table.add_row(name, short.get(name, ""), str(count), *boxes)
    console.print(table)
    console.print(
        f"byte-identical copies: {_dropped(data)}", highlight=False, markup=False, soft_wrap=True
    )
    for note in data.notes:
        console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)


def _dropped(data: LabelledImages) -> str:
    if not data.dropped:
        return "none"
    first = "; ".join(f"{file} is {earlier}" for file, earlier in data.dropped[:5])
    more = f" and {len(data.dropped) - 5} more" if len(data.dropped) > 5 else ""
    return f"{len(data.dropped)} left out ({first}{more})"


def show_plugins(console: Console, rows: list[PluginRow]) -> None:
    """Baselines and data sets, and why one is broken."""
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = Table(
            "name",
            "title",
            "source",
            "year",
            "",
            title=f"{kind}s",
            title_justify="left",
            expand=False,
        )
        for row in rows:
            if row["kind"] == kind and not row["error"]:
                table.add_row(
                    row["name"], row["title"], row["source"], str(row["year"] or ""), row["about"]
                )
        console.print(table)
    for row in rows:
        if row["error"]:
            console.print(
                f"not usable: {row['name']}: {row['error']}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
