"""Pictures of the tables, fit for a paper: labelled, told apart by colour-blind eyes and in grey. Frames in, figures out.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fewshot_bench.tables import column

__all__ = ["COLOURS", "LOOK", "MARKERS", "Picture", "drawn", "files_of", "stem", "titled"]

# Okabe and Ito (2008), dark to light in turns, so that neighbours differ in grey too
COLOURS = ("#000000", "#E69F00", "#0072B2", "#56B4E9", "#D55E00", "#F0E442", "#009E73", "#CC79A7")
MARKERS = "osD^vPX*<>"
LINES = ("-", "--", "-.", ":")
LOOK: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd",
    "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False, "svg.hashsalt": "fewshot-bench",
    "svg.fonttype": "none", "text.parse_math": False, "figure.constrained_layout.use": True,
}  # fmt: skip
TABLE = ["dataset", "protocol", "preset", "ways", "queries", "test_classes"]  # what the rows of a picture share
SIZE = (6.4, 4.0)  # inches
LETTERS = 13  # of a title, for each inch


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and the stem of its files."""

    name: str
    figure: Figure


@dataclass(frozen=True)
class Style:
    """What tells a baseline from the others in every picture: three marks, so that one is enough."""

    colour: str
    marker: str
    line: str


def drawn(
    leaderboard: pd.DataFrame,
    *,
    confusion: pd.DataFrame,
    episodes: pd.DataFrame,
    timings: pd.DataFrame,
    losses: pd.DataFrame,
    differences: pd.DataFrame | None = None,
) -> Iterator[Picture]:
    """Every picture that there is something to show in: of each table of the leaderboard and of the trainings."""
    styles = _styles(leaderboard["baseline"])
    every: list[tuple[str, pd.DataFrame | None, Callable[[pd.DataFrame, dict[str, Style]], Figure]]] = [
        ("accuracy", leaderboard, accuracy),
        ("differences", differences, paired_differences),
        ("recall", confusion, class_recalls),
        ("confusion", confusion, confusions),
        ("episodes", episodes, episode_shares),
        ("cost", leaderboard.merge(_cost(timings), on=["baseline", "dataset"], how="inner"), cost),
        ("loss", losses, loss_curves),
    ]
    for kind, frame, draw in every:
        if frame is None or frame.empty:
            continue
        shared = [name for name in TABLE if name in frame]
        for number, (_, part) in enumerate(frame.groupby(shared, sort=True, dropna=False)):
            with rc_context(LOOK):
                name = stem(str(part.iloc[0].get("protocol", part.iloc[0]["dataset"])))
                yield Picture(f"{kind}-{name}" + (f"-{number}" if number else ""), draw(part, styles))


def files_of(picture: Picture) -> dict[str, bytes]:
    """The picture as PNG and SVG, the same to the byte for the same figures; by file name."""
    found = {}
    with rc_context(LOOK):
        for ending, about in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            file = io.BytesIO()
            FigureCanvasAgg(picture.figure)
            picture.figure.savefig(file, format=ending, dpi=200, metadata=about)
            found[f"{picture.name}.{ending}"] = file.getvalue()
    return found


def accuracy(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Accuracy against shots or train size with 95 % intervals; a cell without a result is a cross on the axis."""
    figure, axes = _figure(_title(frame))
    ordered = frame.sort_values(["train_size", "shots"], kind="stable")
    places = {name: at for at, name in enumerate(dict.fromkeys(column(row) for row in ordered.to_dict("records")))}
    rows = list(_variants(ordered))
    for number, (name, part) in enumerate(rows):
        style, shift = styles[str(part["baseline"].iloc[0])], 0.5 * (number + 0.5 - len(rows) / 2) / len(rows)
        at = np.array([places[column(row)] for row in part.to_dict("records")]) + shift
        middle, low, high = (100 * part[of].to_numpy(dtype=float) for of in ("accuracy", "ci95_low", "ci95_high"))
        axes.errorbar(
            at, middle, (middle - low, high - middle), label=name, color=style.colour, marker=style.marker, ls=style.line,
            markeredgecolor="black", markeredgewidth=0.4, capsize=2, lw=1.2, ms=5,
        )  # fmt: skip
        missing = at[np.isnan(middle)]
        axes.plot(
            missing, np.zeros(len(missing)), "x", color=style.colour, transform=axes.get_xaxis_transform(), clip_on=False
        )
    if frame["accuracy"].isna().any():
        axes.plot([], [], "kx", label="no result")
    chance = 100 / frame["ways"].iloc[0]
    axes.axhline(chance, color="#777777", lw=0.8, ls=":", label="chance")
    axes.set_xticks(list(places.values()), list(places))
    axes.set_ylabel("accuracy, %, with 95 % interval")
    _legend(axes)
    return figure


def paired_differences(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Differences to the reference with 95 % intervals, the margin of equivalence as a band, and the verdicts."""
    figure, axes = _figure(f"{_title(frame)}\nagainst {frame['reference'].iloc[0]}", height=1.2 + 0.28 * len(frame))
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
    axes.set_yticks(range(len(rows)), [f"{row['baseline']}, {column(row)}" for row in rows])
    axes.set_xlabel(f"difference, points, with 95 % interval\n(within +-{margin:g} points: equivalent)")
    return figure


def class_recalls(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Recall of each class at the most shots, a mark a baseline."""
    own = _at_most_shots(frame[frame["class"] == frame["predicted"]])
    names = list(dict.fromkeys(own["class"]))
    figure, axes = _figure(f"{_title(frame)}, {own['shots'].iloc[0]}-shot", height=1.4 + 0.5 * len(names))
    rows = list(_variants(own))
    for number, (name, part) in enumerate(rows):
        style, shift = styles[str(part["baseline"].iloc[0])], 0.6 * ((number + 0.5) / len(rows) - 0.5)
        at = [names.index(label) - shift for label in part["class"]]
        axes.plot(100 * part["share"], at, style.marker, color=style.colour, markeredgecolor="black", mew=0.4, label=name)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("recall, %")
    _legend(axes)
    return figure


def confusions(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """What each class was taken for at the most shots, in percent of the class: a panel a baseline."""
    del styles
    shown = _at_most_shots(frame)
    names = list(dict.fromkeys(shown["class"]))
    rows = list(_variants(shown))
    across = min(3, len(rows))
    down = -(-len(rows) // across)
    side = 0.9 + 0.45 * len(names)
    figure = Figure(figsize=(across * side + 1, down * side + 0.8))
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes, (name, part) in zip(panels.flat, rows, strict=False):
        shares = part.pivot_table(index="class", columns="predicted", values="share", sort=False).reindex(
            names, columns=names
        )
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        axes.grid(visible=False)
        axes.set_title(name, fontsize=8)
        for (i, j), share in np.ndenumerate(shares.to_numpy()):
            axes.annotate(f"{100 * share:.0f}", (j, i), ha="center", va="center", color="black" if share > 0.5 else "white")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    title = f"{_title(frame)}, {shown['shots'].iloc[0]}-shot: class by rows, taken for, %"
    titled(figure, title)
    return figure


def episode_shares(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """The share of episodes, at the most shots, whose accuracy is above a value."""
    shown = _at_most_shots(frame)
    figure, axes = _figure(f"{_title(frame)}, {shown['shots'].iloc[0]}-shot")
    for name, part in _variants(shown):
        style, ordered = styles[str(part["baseline"].iloc[0])], np.sort(100 * part["accuracy"].to_numpy())
        above = 100 * (1 - np.arange(len(ordered)) / len(ordered))
        every = max(1, len(ordered) // 8)
        axes.step(
            ordered, above, where="pre", color=style.colour, ls=style.line, lw=1.3, marker=style.marker, markevery=every,
            ms=4, label=name,
        )  # fmt: skip
    axes.set_xlabel("accuracy of an episode, %")
    axes.set_ylabel("episodes with at least that, %")
    axes.set_ylim(0, 101)
    _legend(axes)
    return figure


def cost(frame: pd.DataFrame, styles: dict[str, Style]) -> Figure:
    """Accuracy at the most shots against the seconds of training and embedding."""
    shown = _at_most_shots(frame).dropna(subset=["accuracy"])
    figure, axes = _figure(f"{_title(frame)}, {shown['shots'].iloc[0]}-shot" if len(shown) else _title(frame))
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
    _legend(axes)
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


def _styles(names: pd.Series[str]) -> dict[str, Style]:
    return {
        name: Style(COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)], LINES[at % len(LINES)])
        for at, name in enumerate(sorted(names.unique()))
    }


def _figure(title: str, *, height: float = SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(SIZE[0], height))
    axes = figure.subplots()
    titled(figure, title)
    return figure, axes


def _title(frame: pd.DataFrame) -> str:
    row = frame.iloc[0]
    return (
        f"{row['dataset']}, {row['protocol']}: {row['ways']}-way, {row['queries']} queries a class, preset {row['preset']}"
    )


def titled(figure: Figure, title: str) -> None:
    """Put a title above a figure, in as many lines as it takes."""
    lines = [textwrap.fill(line, int(LETTERS * figure.get_figwidth())) for line in title.splitlines()]
    figure.suptitle("\n".join(lines), fontsize=9)


def stem(text: str) -> str:
    """A name of files, without what no file system takes."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _variants(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows of one baseline with the same settings; where it has several, each is named by a part of their digest."""
    several = frame.groupby("baseline")["settings"].nunique().to_dict()
    for (name, settings), part in frame.groupby(["baseline", "settings"], sort=True):
        yield (f"{name} {str(settings)[:6]}" if several[str(name)] > 1 else str(name)), part


def _at_most_shots(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame[frame["shots"] == frame["shots"].max()])


def _cost(timings: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds of a training and its embedding, by baseline and data set."""
    seconds = timings.assign(seconds=timings[["seconds_train", "seconds_embed"]].fillna(0).sum(axis=1))
    return seconds.groupby(["baseline", "dataset"])[["seconds"]].mean().reset_index()
