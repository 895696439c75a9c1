"""Pictures of the tables. Frames in, figures out.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.columns import condition_label, is_of_splits, question_text
from fewshot_bench.leaderboard.tables import costs
from fewshot_bench.report.figure import LOOK, SIZE, Picture, Style, legend, stem, styles_of, titled

__all__ = ["drawn"]

TABLE = [
    "dataset",
    "protocol",
    "preset",
    "ways",
    "queries",
    "test_classes",
]  # what the rows of a picture share
Draw = Callable[[pd.DataFrame, dict[str, Style]], Figure]
MOST_SPLITS = 60  # that a picture grows with
MOST_WRITTEN = 12  # classes of a confusion that is written out; of more a colour bar tells


def drawn(
    leaderboard: pd.DataFrame,
    *,
    confusion: pd.DataFrame,
    episodes: pd.DataFrame,
    timings: pd.DataFrame,
    losses: pd.DataFrame,
    differences: pd.DataFrame | None = None,
) -> Iterator[Picture]:
    """Every picture that there is something to show in: of each table of the leaderboard and of the trainings.

    Of a protocol over every split of the classes a picture shows all splits, a row each.
    """
    styles, seen = styles_of(leaderboard["baseline"]), Counter[str]()
    every: list[tuple[str, pd.DataFrame | None, Draw, Draw | None]] = [
        ("accuracy", leaderboard, accuracy, accuracy_by_split),
        ("differences", differences, paired_differences, differences_by_split),
        ("recall", confusion, class_recalls, None),
        ("confusion", confusion, confusions, None),
        ("episodes", episodes, episode_shares, None),
        (
            "cost",
            leaderboard.merge(costs(timings), on=["baseline", "dataset"], how="inner"),
            cost,
            None,
        ),
        ("loss", losses, loss_curves, None),
    ]
    for kind, frame, draw_one, draw_splits in every:
        for of_splits, part in () if frame is None else _of_pictures(frame):
            draw = draw_splits if of_splits else draw_one
            if draw is None:
                continue
            name = f"{kind}-{stem(str(part.iloc[0].get('protocol', part.iloc[0]['dataset'])))}"
            with rc_context(LOOK):
                yield Picture(name + (f"-{seen[name]}" if seen[name] else ""), draw(part, styles))
            seen[name] += 1


def _of_pictures(frame: pd.DataFrame) -> Iterator[tuple[bool, pd.DataFrame]]:
    """The rows of one picture after another, and whether they are of all splits."""
    over = is_of_splits(frame) if "protocol" in frame else pd.Series(data=False, index=frame.index)
    for of_splits, rows in ((False, frame[~over]), (True, frame[over])):
        shared = [
            name for name in TABLE if name in frame and not (of_splits and name == "test_classes")
        ]
        for _, part in rows.groupby(shared, sort=True, dropna=False):
            yield of_splits, part


def accuracy(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Accuracy against shots or train size with 95 % intervals; a cell without a result is a cross on the axis."""
    figure, axes = _figure(_title(frame))
    ordered = frame.sort_values(["train_size", "shots"], kind="stable")
    places = {
        name: at
        for at, name in enumerate(
            dict.fromkeys(condition_label(row) for row in ordered.to_dict("records"))
        )
    }
    rows = list(_variants(ordered))
    for number, (name, part) in enumerate(rows):
        style, shift = (
            styles[str(part["baseline"].iloc[0])],
            0.5 * (number + 0.5 - len(rows) / 2) / len(rows),
        )
        at = np.array([places[condition_label(row)] for row in part.to_dict("records")]) + shift
        middle, low, high = (
            100 * part[of].to_numpy(dtype=float) for of in ("accuracy", "ci95_low", "ci95_high")
        )
        axes.errorbar(
            at, middle, (middle - low, high - middle), label=name, color=style.colour, marker=style.marker, ls=style.line,
            markeredgecolor="black", markeredgewidth=0.4, capsize=2, lw=1.2, ms=5,
        )  # fmt: skip
        missing = at[np.isnan(middle)]
        axes.plot(
            missing,
            np.zeros(len(missing)),
            "x",
            color=style.colour,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )
    if frame["accuracy"].isna().any():
        axes.plot([], [], "kx", label="no result")
    chance = 100 / frame["ways"].iloc[0]
    axes.axhline(chance, color="#777777", lw=0.8, ls=":", label="chance")
    axes.set_xticks(list(places.values()), list(places))
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_ylabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def paired_differences(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Differences to the reference with 95 % intervals, the margin of equivalence as a band, and the verdicts."""
    figure, axes = _figure(
        f"{_title(frame)}\nagainst {frame['reference'].iloc[0]}", height=1.2 + 0.28 * len(frame)
    )
    rows = frame.to_dict("records")[::-1]
    for at, row in enumerate(rows):
        style = styles[row["baseline"]]
        middle, low, high = (100 * row[of] for of in ("difference", "ci95_low", "ci95_high"))
        axes.errorbar(
            middle, at, xerr=[[middle - low], [high - middle]], color=style.colour, marker=style.marker,
            markeredgecolor="black", markeredgewidth=0.4, capsize=2,
        )  # fmt: skip
        axes.annotate(row["verdict"], (1.01, at), xycoords=("axes fraction", "data"), va="center")
    margin = 100 * frame["margin"].max()
    axes.axvspan(-margin, margin, color="#bbbbbb", alpha=0.5, lw=0)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_yticks(
        range(len(rows)), [f"{row['baseline']}, {condition_label(row)}" for row in rows]
    )
    axes.set_xlabel(
        f"difference, points, with 95 % interval\n(within +-{margin:g} points: equivalent)"
    )
    return figure


def accuracy_by_split(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Accuracy at the most shots on each split with 95 % intervals, the hardest split first; no mark: no result."""
    shown = _at_most(frame)
    names = _in_order(shown, "accuracy")
    figure, axes = _figure(_title(shown), height=_height(names))
    rows = list(_variants(shown))
    for number, (name, part) in enumerate(rows):
        at = [
            names.index(label) + 0.5 * (number + 0.5 - len(rows) / 2) / len(rows)
            for label in part["test_classes"]
        ]
        middle, low, high = (
            100 * part[of].to_numpy(dtype=float) for of in ("accuracy", "ci95_low", "ci95_high")
        )
        style = styles[str(part["baseline"].iloc[0])]
        axes.errorbar(
            middle, at, xerr=(middle - low, high - middle), label=name, color=style.colour, marker=style.marker, ls="none",
            markeredgecolor="black", markeredgewidth=0.4, ms=4, elinewidth=0.8,
        )  # fmt: skip
    axes.axvline(100 / shown["ways"].iloc[0], color="#777777", lw=0.8, ls=":", label="chance")
    _name_splits(axes, names)
    axes.set_xlabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def differences_by_split(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Differences to the reference at the most shots on each split with 95 % intervals: a panel a baseline.

    A mark is filled where the verdict is better or worse.
    """
    shown = _at_most(frame)
    names, rows = _in_order(shown, "difference"), list(_variants(shown))
    figure = Figure(figsize=(max(SIZE[0], 2.8 + 1.7 * len(rows)), _height(names)))
    panels = figure.subplots(1, len(rows), squeeze=False, sharex=True, sharey=True)[0]
    for axes, (name, part) in zip(panels, rows, strict=True):
        style = styles[str(part["baseline"].iloc[0])]
        for row in part.to_dict("records"):
            middle, low, high = (100 * row[of] for of in ("difference", "ci95_low", "ci95_high"))
            sure = row["verdict"] in ("better", "worse")
            axes.errorbar(
                middle, names.index(row["test_classes"]), xerr=[[middle - low], [high - middle]], color=style.colour,
                marker=style.marker, markeredgecolor="black", markerfacecolor=style.colour if sure else "white",
                markeredgewidth=0.6, ms=5, elinewidth=0.8,
            )  # fmt: skip
        margin, verdicts = 100 * part["margin"].max(), part["verdict"].value_counts()
        axes.axvspan(-margin, margin, color="#bbbbbb", alpha=0.5, lw=0)
        axes.axvline(0, color="black", lw=0.8)
        axes.set_title(
            f"{name}\nbetter on {verdicts.get('better', 0)}, worse on {verdicts.get('worse', 0)}",
            fontsize=8,
        )
    _name_splits(panels[0], names)
    figure.supxlabel("difference, points, with 95 % interval; filled: better or worse", fontsize=9)
    titled(figure, f"{_title(shown)}\nagainst {shown['reference'].iloc[0]}")
    return figure


def _in_order(frame: pd.DataFrame, value: str) -> list[str]:
    """Splits by their mean value, the lowest first."""
    return [
        str(name)
        for name in frame.groupby("test_classes")[value].mean().sort_values(kind="stable").index
    ]


def _height(names: list[str]) -> float:
    return 1.5 + 0.32 * min(len(names), MOST_SPLITS)


def _name_splits(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylabel("held-out classes")
    axes.set_ylim(len(names) - 0.4, -0.6)


def class_recalls(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Recall of each class at the most shots or train images, a mark a baseline."""
    own = _at_most(frame[frame["class"] == frame["predicted"]])
    names = list(dict.fromkeys(own["class"]))
    figure, axes = _figure(_title(own), height=1.4 + 0.5 * len(names))
    rows = list(_variants(own))
    for number, (name, part) in enumerate(rows):
        style, shift = (
            styles[str(part["baseline"].iloc[0])],
            0.6 * ((number + 0.5) / len(rows) - 0.5),
        )
        at = [names.index(label) - shift for label in part["class"]]
        axes.plot(
            100 * part["share"],
            at,
            style.marker,
            color=style.colour,
            markeredgecolor="black",
            mew=0.4,
            label=name,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("recall, %")
    legend(axes)
    return figure


def confusions(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """What each class was taken for at the most shots or train images, in percent of the class: a panel a baseline."""
    del styles
    shown = _at_most(frame)
    names = list(dict.fromkeys(shown["class"]))
    rows = list(_variants(shown))
    across = min(3, len(rows))
    down = -(-len(rows) // across)
    written = len(names) <= MOST_WRITTEN
    side = 0.9 + (0.45 if written else 0.16) * len(names)
    figure = Figure(figsize=(across * side + 1, down * side + 0.8))
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes, (name, part) in zip(panels.flat, rows, strict=False):
        shares = part.pivot_table(
            index="class", columns="predicted", values="share", sort=False
        ).reindex(names, columns=names)
        image = axes.imshow(100 * shares, cmap="cividis", vmin=0, vmax=100)
        axes.grid(visible=False)
        axes.set_title(name, fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=9 if written else 6)
        axes.set_yticks(range(len(names)), names, fontsize=9 if written else 6)
        if not written:
            continue
        for (i, j), share in np.ndenumerate(shares.to_numpy()):
            axes.annotate(
                f"{100 * share:.0f}",
                (j, i),
                ha="center",
                va="center",
                color="black" if share > 0.5 else "white",
            )
    if not written:
        figure.colorbar(image, ax=panels, shrink=0.4, label="%")
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    titled(figure, f"{_title(shown)}: class by rows, taken for, %")
    return figure


def episode_shares(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """The share of episodes, at the most shots, whose accuracy is above a value."""
    shown = _at_most(frame)
    figure, axes = _figure(_title(shown))
    for name, part in _variants(shown):
        style, ordered = (
            styles[str(part["baseline"].iloc[0])],
            np.sort(100 * part["accuracy"].to_numpy()),
        )
        above = 100 * (1 - np.arange(len(ordered)) / len(ordered))
        every = max(1, len(ordered) // 8)
        axes.step(
            ordered, above, where="pre", color=style.colour, ls=style.line, lw=1.3, marker=style.marker, markevery=every,
            ms=4, label=name,
        )  # fmt: skip
    axes.set_xlabel("accuracy of an episode, %")
    axes.set_ylabel("episodes with at least that, %")
    axes.set_ylim(0, 101)
    legend(axes)
    return figure


def cost(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Accuracy at the most shots or train images against the seconds of training and embedding."""
    shown = _at_most(frame).dropna(subset=["accuracy"])
    figure, axes = _figure(_title(shown if len(shown) else frame))
    for name, part in _variants(shown):
        row, style = part.iloc[0], styles[str(part["baseline"].iloc[0])]
        middle, low, high = (100 * row[of] for of in ("accuracy", "ci95_low", "ci95_high"))
        axes.errorbar(
            max(row["seconds"], 0.01), middle, [[middle - low], [high - middle]], color=style.colour, marker=style.marker,
            markeredgecolor="black", markeredgewidth=0.4, capsize=2, ls="none", label=name,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("seconds of training and embedding, for one training")
    axes.set_ylabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def loss_curves(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """The loss of each training: a panel a baseline, as losses have no common scale."""
    names = sorted(frame["baseline"].unique())
    figure = Figure(figsize=(SIZE[0], 0.6 + 1.1 * len(names)))
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        for _, part in frame[frame["baseline"] == name].groupby("training"):
            axes.plot(part["images_passed"], part["loss"], color=styles[name].colour, lw=0.9)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    panels[-1].set_xlabel("images passed through the encoder")
    title = f"{frame['dataset'].iloc[0]}, preset {frame['preset'].iloc[0]}: loss"
    titled(figure, title)
    return figure


def _figure(title: str, *, height: float = SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(SIZE[0], height))
    axes = figure.subplots()
    titled(figure, title)
    return figure, axes


def _title(frame: pd.DataFrame) -> str:
    """What the rows answer; where they are of one shot value or train size, that too."""
    row, tested = frame.iloc[0].to_dict(), frame["test_classes"].unique()
    sizes = {
        condition_label(one)
        for one in frame[["shots", "train_size"]].drop_duplicates().to_dict("records")
    }
    said = [question_text(row), *(sizes if len(sizes) == 1 else ()), f"preset {row['preset']}"]
    if len(tested) > 1:
        said.append(f"{len(tested)} splits")
    elif pd.isna(row["train_size"]):
        said.append(f"tested on {textwrap.shorten(tested[0], 100)}")
    return f"{row['dataset']}, {row['protocol']}: {', '.join(said)}"


def _variants(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows of one baseline with the same settings; where it has several, each is named by a part of their digest."""
    several = frame.groupby("baseline")["settings"].nunique().to_dict()
    for (name, settings), part in frame.groupby(["baseline", "settings"], sort=True):
        yield (f"{name} {str(settings)[:6]}" if several[str(name)] > 1 else str(name)), part


def _at_most(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the most shots or train images."""
    asked = frame["shots"] if frame["train_size"].isna().all() else frame["train_size"]
    return pd.DataFrame(frame[asked == asked.max()])
