"""Pictures of the tables. Frames in, figures out; a picture shows one ranking.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from fewshot_bench.leaderboard.columns import (
    QUESTION,
    SPLITS_QUESTION,
    Ranking,
    condition_label,
    is_of_splits,
    rankings,
)
from fewshot_bench.report.class_plots import class_recalls, confusions
from fewshot_bench.report.condition_plots import accuracy, condition_labels
from fewshot_bench.report.figure import (
    LOOK,
    SIZE,
    Picture,
    equivalence_band,
    single,
    stem,
    titled,
    wrapped,
)
from fewshot_bench.report.frames import (
    OF_VERDICT,
    SINGLE,
    best_first,
    by_question,
    of_most_shots,
    percent,
    references_of,
    title_of,
)
from fewshot_bench.report.labels import End, height_for, name_ends, name_series, set_apart
from fewshot_bench.report.looks import Looks, looks_of
from fewshot_bench.report.ranked import ranked_accuracies
from fewshot_bench.report.split_plots import accuracy_by_split, differences_by_split

__all__ = ["drawn"]

Draw = Callable[[Ranking, Looks], Figure]
Parts = dict[str, Ranking]  # of a ranking, by the end of the name of their picture
LEAST_SECONDS = 0.01  # the logarithm of 0 cannot be drawn
MARKS_OF_A_LINE = 8  # of one that has a step for each episode
ROW = 0.22  # inches, of a difference
MOST_TICKS = 8


def _whole(ranking: Ranking) -> Parts:
    return {"": ranking}


def _each_condition(ranking: Ranking) -> Parts:
    """The rows of each shot value, train size or number of pairs."""
    labels = condition_labels(ranking.rows)
    parts = {}
    for label in labels.unique():
        words = re.findall(r"\w+", label)
        rows = pd.DataFrame(ranking.rows[labels == label])
        parts["-".join(["", *words])] = Ranking(rows, ranking.differs)
    return parts


def _if_several_conditions(ranking: Ranking) -> Parts:
    has_several = condition_labels(ranking.rows).nunique() > 1
    return _whole(ranking) if has_several else {}


@dataclass(frozen=True, eq=False)
class _Kind:
    """One kind of picture.

    draw: where the rows are of one split of the classes, a picture for each of `parts`;
    draw_splits: where they are of all splits.
    """

    name: str
    frame: pd.DataFrame
    draw: Draw
    draw_splits: Draw | None = None
    parts: Callable[[Ranking], Parts] = _whole


def drawn(
    leaderboard: pd.DataFrame,
    *,
    confusion: pd.DataFrame,
    episodes: pd.DataFrame,
    costs: pd.DataFrame,
    losses: pd.DataFrame,
    differences: pd.DataFrame | None = None,
) -> Iterator[Picture]:
    """Every picture that has something to show.

    A protocol over every split of the classes has one picture of all splits, with a row a split.
    costs: the seconds of each row of the leaderboard, with the columns `key` and `seconds`.
    """
    if differences is None:
        differences = pd.DataFrame()
    accuracy_and_cost = leaderboard.merge(costs, on="key")
    kinds = [
        _Kind("ranking", leaderboard, ranked_accuracies, parts=_each_condition),
        _Kind("accuracy", leaderboard, accuracy, accuracy_by_split, _if_several_conditions),
        _Kind("differences", differences, paired_differences, differences_by_split),
        _Kind("recall", confusion, lambda ranking, _: class_recalls(ranking)),
        _Kind("confusion", confusion, lambda ranking, _: confusions(ranking)),
        _Kind("episodes", episodes, episode_shares),
        _Kind("cost", accuracy_and_cost, cost),
        _Kind("loss", losses, loss_curves),
    ]
    looks = looks_of(_names(kind.frame for kind in kinds))
    for kind in kinds:
        drawn_before = Counter[str]()
        for of_splits, ranking in _of_pictures(kind.frame):
            draw = kind.draw_splits if of_splits else kind.draw
            if draw is None:
                continue
            subject = ranking.first.get("protocol", ranking.first["dataset"])
            name = f"{kind.name}-{stem(str(subject))}"
            number = drawn_before[name]
            drawn_before[name] += 1
            if number:
                name = f"{name}-{number}"
            parts = _whole(ranking) if of_splits else kind.parts(ranking)
            for end, part in parts.items():
                with rc_context(LOOK):
                    yield Picture(name + end, draw(part, looks))


def _names(frames: Iterable[pd.DataFrame]) -> set[str]:
    names: set[str] = set()
    for frame in frames:
        if not frame.empty:
            names.update(frame["baseline"])
    return names


def _of_pictures(frame: pd.DataFrame) -> Iterator[tuple[bool, Ranking]]:
    """The ranking of each picture, and whether it is of all splits of a data set's classes.

    Frames of the same records give their rankings in the same order.
    """
    if frame.empty:
        return
    ordered = by_question(frame)
    of_splits = pd.Series(data=False, index=ordered.index)
    if "protocol" in ordered:
        of_splits = is_of_splits(ordered)
    for ranking in rankings(ordered[~of_splits], QUESTION):
        yield False, ranking
    for ranking in rankings(ordered[of_splits], SPLITS_QUESTION):
        yield True, ranking


def paired_differences(ranking: Ranking, looks: Looks) -> Figure:
    """Differences to the reference with intervals, verdicts, and the band of equivalence.

    A panel a shot value or train size. The bar agrees with the verdict; small ticks mark the 95 %
    interval of one difference.
    """
    rows = ranking.rows
    parts = _each_condition(ranking).values()
    counts = [len(part.rows) for part in parts]
    height = 1.3 + 0.3 * len(counts) + ROW * len(rows)
    figure = Figure(figsize=(SIZE[0], height))
    panels = figure.subplots(len(counts), 1, squeeze=False, sharex=True, height_ratios=counts)
    margin = 100 * rows["margin"].max()
    for axes, part in zip(panels[:, 0], parts, strict=True):
        _draw_differences(axes, part.rows, looks)
        equivalence_band(axes, margin)
        axes.set_title(condition_label(part.first), loc="left", fontsize=9)
    note = (
        "difference, points; the bar agrees with the verdict, ticks mark the 95 % interval of "
        f"one difference; grey: equivalent, within +-{margin:g} points"
    )
    figure.supxlabel(wrapped(note, figure), fontsize=9)
    titled(figure, title_of(rows, ranking.differs), f"Difference to {references_of(rows)}")
    return figure


def _draw_differences(axes: Axes, rows: pd.DataFrame, looks: Looks) -> None:
    """The differences of one condition, the first on top, with their verdicts at the right."""
    for position in range(len(rows)):
        part = rows.iloc[[position]]
        row = part.iloc[0].to_dict()
        mark = looks[row["baseline"]].mark
        shown = percent(part, "difference", OF_VERDICT)
        axes.errorbar(shown.middle, position, xerr=shown.lengths, **mark, elinewidth=2)
        bounds = 100 * part[[*SINGLE]].to_numpy(dtype=float)
        axes.plot(bounds.T, [position, position], "k|", mew=0.8)
        axes.annotate(
            row["verdict"],
            (1.01, position),
            xycoords=("axes fraction", "data"),
            va="center",
        )
    axes.set_yticks(range(len(rows)), rows["baseline"])
    axes.set_ylim(len(rows) - 0.4, -0.6)


def episode_shares(ranking: Ranking, looks: Looks) -> Figure:
    """The share of episodes, at the most shots, with at least an accuracy."""
    rows = of_most_shots(ranking.rows)
    parts = best_first(rows, "accuracy")
    shown_looks = set_apart([name for name, _ in parts], looks)
    figure, axes = single(
        title_of(rows, ranking.differs),
        "Share of the episodes above an accuracy",
        height=height_for(len(parts), SIZE[1]),
        names=shown_looks,
    )
    for name, part in parts:
        look = shown_looks[name]
        in_order = part.groupby("accuracy")["count"].sum()
        accuracies = 100 * in_order.index.to_numpy()
        counts = in_order.to_numpy()
        below = np.cumsum(counts) - counts
        at_least = 100 * (1 - below / counts.sum())
        axes.step(
            accuracies,
            at_least,
            where="pre",
            label=name,
            **look.mark,
            ls=look.line,
            lw=1.2,
            markevery=max(1, len(accuracies) // MARKS_OF_A_LINE),
            zorder=2 if look.is_grey else 3,
        )
    axes.set_xlabel("accuracy of an episode, %")
    axes.set_ylabel("episodes with at least that, %")
    axes.set_ylim(-3, 103)
    name_series(axes, shown_looks)
    return figure


def cost(ranking: Ranking, looks: Looks) -> Figure:
    """Accuracy at the most shots or train images against the seconds of training and embedding."""
    at_most = of_most_shots(ranking.rows)
    rows = at_most.dropna(subset=["accuracy"])
    parts = best_first(rows, "accuracy")
    shown_looks = set_apart([name for name, _ in parts], looks)
    figure, axes = single(
        title_of(at_most, ranking.differs),
        "Accuracy and time",
        height=height_for(len(parts), SIZE[1]),
        names=shown_looks,
    )
    ends = []
    for name, part in parts:
        look = shown_looks[name]
        shown = percent(part, "accuracy")
        seconds = part["seconds"].clip(lower=LEAST_SECONDS)
        axes.errorbar(seconds, shown.middle, shown.lengths, **look.mark, label=name, ls="none")
        ends.append(End(name, look, y=float(shown.middle[0]), has_line=False))
    _seconds_axis(axes, rows["seconds"].clip(lower=LEAST_SECONDS))
    axes.set_xlabel("seconds of training and embedding, for one training")
    axes.set_ylabel("accuracy, %, with 95 % interval")
    name_ends(axes, ends)
    return figure


def _seconds_axis(axes: Axes, seconds: pd.Series[float]) -> None:
    """A logarithmic axis with ticks at 1, 2, 5, 10 and so on, or at powers of 10 alone."""
    low = seconds.min() / 2
    high = seconds.max() * 2
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.outer(powers, [1, 2, 5]).ravel()
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    if len(ticks) > MOST_TICKS:
        ticks = powers[(powers >= low) & (powers <= high)]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    # the default labels of powers are formulas, which these figures do not set
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())


def loss_curves(ranking: Ranking, looks: Looks) -> Figure:
    """The loss of each training: a panel a baseline, as losses have no common scale."""
    rows = ranking.rows
    names = sorted(rows["baseline"].unique())
    height = 0.9 + 1.1 * len(names)
    figure = Figure(figsize=(SIZE[0], height))
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        is_own = rows["baseline"] == name
        colour = looks[name].colour
        for _, training in rows[is_own].groupby("training"):
            axes.plot(training["images_passed"], training["loss"], color=colour, lw=0.9)
        axes.set_title(name, loc="left", fontsize=9)
    panels[-1].set_xlabel("images passed through the encoder")
    question = f"{ranking.first['dataset']}, preset {ranking.first['preset']}"
    if ranking.differs:
        question = f"{question}, {ranking.differs}"
    titled(figure, question, "Loss of each training")
    return figure
