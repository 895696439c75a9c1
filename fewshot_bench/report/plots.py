"""Pictures of the tables. Frames in, figures out; a picture shows one ranking.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from fewshot_bench.leaderboard.columns import (
    BY_CONDITION,
    QUESTION,
    SPLITS_QUESTION,
    Ranking,
    condition_label,
    is_of_splits,
    rankings,
)
from fewshot_bench.report.figure import (
    CHANCE_LINE,
    LOOK,
    SIZE,
    Picture,
    Style,
    Styles,
    equivalence_band,
    legend,
    single,
    stem,
    styles_of,
    titled,
)
from fewshot_bench.report.frames import (
    OF_VERDICT,
    SINGLE,
    best_first,
    by_question,
    of_most_shots,
    percent,
    references_of,
    shift_of,
    title_of,
)
from fewshot_bench.report.split_plots import accuracy_by_split, differences_by_split

__all__ = ["drawn"]

Draw = Callable[[Ranking, Styles], Figure]
LETTER = 0.08  # inches, the width of one of the names of classes
MOST_WRITTEN = 12  # classes of a confusion that has numbers; of more a colour bar tells
BROADEST = 3  # panels of confusions beside each other
LEAST_SECONDS = 0.01  # the logarithm of 0 cannot be drawn
MARKS_OF_A_LINE = 8  # of one that has a step for each episode


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
    frames = [leaderboard, confusion, episodes, accuracy_and_cost, losses, differences]
    styles = styles_of(_names(frames))
    kinds: list[tuple[str, pd.DataFrame, Draw, Draw | None]] = [
        ("accuracy", leaderboard, accuracy, accuracy_by_split),
        ("differences", differences, paired_differences, differences_by_split),
        ("recall", confusion, class_recalls, None),
        ("confusion", confusion, confusions, None),
        ("episodes", episodes, episode_shares, None),
        ("cost", accuracy_and_cost, cost, None),
        ("loss", losses, loss_curves, None),
    ]
    drawn_before = Counter[str]()
    for kind, frame, draw_one, draw_splits in kinds:
        for of_splits, ranking in _of_pictures(frame):
            draw = draw_splits if of_splits else draw_one
            if draw is None:
                continue
            subject = ranking.first.get("protocol", ranking.first["dataset"])
            name = f"{kind}-{stem(str(subject))}"
            number = drawn_before[name]
            drawn_before[name] += 1
            with rc_context(LOOK):
                yield Picture(f"{name}-{number}" if number else name, draw(ranking, styles))


def _names(frames: list[pd.DataFrame]) -> set[str]:
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


def accuracy(ranking: Ranking, styles: Styles) -> Figure:
    """Accuracy against shots or train size, with 95 % intervals.

    A row without a result is a cross on the axis.
    """
    figure, axes = single(title_of(ranking.rows, ranking.differs))
    rows = ranking.rows.sort_values([*BY_CONDITION], kind="stable")
    labels = pd.Series(map(condition_label, rows.to_dict("records")), index=rows.index)
    conditions = list(labels.unique())
    positions = labels.map(conditions.index)
    parts = best_first(rows, "accuracy")
    for number, (name, part) in enumerate(parts):
        shift = shift_of(number, len(parts))
        shifted = positions[part.index] + shift
        _line_of_accuracies(axes, name, part, shifted, styles[name])
    if rows["accuracy"].isna().any():
        axes.plot([], [], "kx", label="no result")
    axes.axhline(100 / ranking.first["ways"], **CHANCE_LINE)
    axes.set_xticks(range(len(conditions)), conditions)
    last = len(conditions) - 1
    axes.set_xlim(-0.5, last + 0.5)
    axes.set_ylabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def _line_of_accuracies(
    axes: Axes, name: str, rows: pd.DataFrame, positions: pd.Series[float], style: Style
) -> None:
    """The accuracies of one row name, and a cross at each position without a result."""
    # errorbar leaves a gap in the line where a value is missing
    shown = percent(rows, "accuracy")
    axes.errorbar(
        positions.to_numpy(),
        shown.middle,
        shown.lengths,
        **style.mark,
        label=name,
        ls=style.line,
        capsize=2,
        lw=1.2,
        ms=5,
    )
    missing = positions[np.isnan(shown.middle)]
    axes.plot(
        missing,
        np.zeros(len(missing)),
        "x",
        color=style.colour,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )


def paired_differences(ranking: Ranking, styles: Styles) -> Figure:
    """Differences to the reference with intervals, verdicts, and the band of equivalence.

    The bar agrees with the verdict; small ticks mark the 95 % interval of one difference.
    """
    rows = ranking.rows
    title = f"{title_of(rows, ranking.differs)}\nagainst {references_of(rows)}"
    height = 1.2 + 0.28 * len(rows)
    figure, axes = single(title, height=height)
    labels = []
    upwards = rows.iloc[::-1]  # the first row comes to the top
    for position in range(len(upwards)):
        part = upwards.iloc[[position]]
        row = part.iloc[0].to_dict()
        mark = styles[row["baseline"]].mark
        shown = percent(part, "difference", OF_VERDICT)
        axes.errorbar(shown.middle, position, xerr=shown.lengths, **mark, elinewidth=2)
        bounds = 100 * part[[*SINGLE]].to_numpy(dtype=float)
        axes.plot(bounds.T, [position, position], "k|", ms=5, mew=0.8)
        axes.annotate(
            row["verdict"],
            (1.01, position),
            xycoords=("axes fraction", "data"),
            va="center",
        )
        labels.append(f"{row['baseline']}, {condition_label(row)}")
    margin = 100 * rows["margin"].max()
    equivalence_band(axes, margin)
    axes.set_yticks(range(len(rows)), labels)
    within = f"within +-{margin:g} points: equivalent"
    axes.set_xlabel(
        f"difference, points; the bar agrees with the verdict (ticks: 95 % of one difference)\n"
        f"{within}"
    )
    return figure


def class_recalls(ranking: Ranking, styles: Styles) -> Figure:
    """Recall of each class at the most shots or train images, a mark a baseline."""
    rows = of_most_shots(_of_right_predictions(ranking.rows))
    classes = list(rows["class"].unique())
    height = 1.4 + 0.5 * len(classes)
    figure, axes = single(title_of(rows, ranking.differs), height=height)
    parts = best_first(rows, "share")
    for number, (name, part) in enumerate(parts):
        shift = 0.6 * ((number + 0.5) / len(parts) - 0.5)
        positions = part["class"].map(classes.index)
        axes.plot(
            100 * part["share"],
            positions - shift,
            **styles[name].mark,
            label=name,
            ls="none",
        )
    axes.set_yticks(range(len(classes)), classes)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("recall, %")
    legend(axes)
    return figure


def _of_right_predictions(confusion: pd.DataFrame) -> pd.DataFrame:
    """The rows of a confusion whose share is the recall of a class."""
    is_right = confusion["class"] == confusion["predicted"]
    return pd.DataFrame(confusion[is_right])


def confusions(ranking: Ranking, styles: Styles) -> Figure:
    """What each class was taken for at the most shots or train images, in % of the class.

    A panel a baseline, all in the same colours: `styles` is not used.
    """
    del styles
    rows = of_most_shots(ranking.rows)
    classes = list(rows["class"].unique())
    # what pictures were taken for may be no class too: none of these
    taken_for = [*classes, *(name for name in rows["predicted"].unique() if name not in classes)]
    parts = best_first(_of_right_predictions(rows), "share")
    columns = min(BROADEST, len(parts))
    lines = math.ceil(len(parts) / columns)
    has_numbers = len(classes) <= MOST_WRITTEN
    field = 0.45 if has_numbers else 0.16  # inches
    side = 0.9 + field * len(taken_for)
    # names stand once, left of all panels and below them
    longest_name = max(map(len, taken_for))
    beyond = max(0.0, LETTER * longest_name - 0.9)
    width = max(SIZE[0] / 2, columns * side + 1 + beyond)
    height = lines * side + 0.8 + beyond
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes, (name, _) in zip(panels.flat, parts, strict=False):
        is_own = rows["baseline"] == name
        # raises where two rows have one name: shares of two rows are never averaged
        table = rows[is_own].pivot(index="class", columns="predicted", values="share")
        shares = table.reindex(classes, columns=taken_for, fill_value=0.0)
        image = axes.imshow(100 * shares, cmap="cividis", vmin=0, vmax=100)
        axes.grid(visible=False)
        axes.set_title(name, fontsize=8)
        letters = 9 if has_numbers else 6
        axes.set_xticks(range(len(taken_for)), taken_for, rotation=90, fontsize=letters)
        axes.set_yticks(range(len(classes)), classes, fontsize=letters)
        if has_numbers:
            _write_shares(axes, shares)
    if not has_numbers:
        figure.colorbar(image, ax=panels, shrink=0.4, label="%")
    for axes in panels.flat[len(parts) :]:
        axes.set_visible(False)
    titled(figure, f"{title_of(rows, ranking.differs)}: class by rows, taken for, %")
    return figure


def _write_shares(axes: Axes, shares: pd.DataFrame) -> None:
    """Write each share into its field, in percent."""
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        is_bright = share > 0.5
        axes.annotate(
            f"{100 * share:.0f}",
            (column, row),
            ha="center",
            va="center",
            color="black" if is_bright else "white",
        )


def episode_shares(ranking: Ranking, styles: Styles) -> Figure:
    """The share of episodes, at the most shots, with at least an accuracy."""
    rows = of_most_shots(ranking.rows)
    figure, axes = single(title_of(rows, ranking.differs))
    for name, part in best_first(rows, "accuracy"):
        style = styles[name]
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
            color=style.colour,
            ls=style.line,
            lw=1.3,
            marker=style.marker,
            markevery=max(1, len(accuracies) // MARKS_OF_A_LINE),
            ms=4,
        )
    axes.set_xlabel("accuracy of an episode, %")
    axes.set_ylabel("episodes with at least that, %")
    axes.set_ylim(0, 101)
    legend(axes)
    return figure


def cost(ranking: Ranking, styles: Styles) -> Figure:
    """Accuracy at the most shots or train images against the seconds of training and embedding."""
    at_most = of_most_shots(ranking.rows)
    figure, axes = single(title_of(at_most, ranking.differs))
    rows = at_most.dropna(subset=["accuracy"])
    for name, part in best_first(rows, "accuracy"):
        shown = percent(part, "accuracy")
        seconds = part["seconds"].clip(lower=LEAST_SECONDS)
        axes.errorbar(
            seconds,
            shown.middle,
            shown.lengths,
            **styles[name].mark,
            label=name,
            ls="none",
            capsize=2,
        )
    axes.set_xscale("log")
    # the default writes powers as formulas, which these figures do not set
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds of training and embedding, for one training")
    axes.set_ylabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def loss_curves(ranking: Ranking, styles: Styles) -> Figure:
    """The loss of each training: a panel a baseline, as losses have no common scale."""
    rows = ranking.rows
    names = sorted(rows["baseline"].unique())
    height = 0.6 + 1.1 * len(names)
    figure = Figure(figsize=(SIZE[0], height))
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name in zip(panels, names, strict=True):
        is_own = rows["baseline"] == name
        colour = styles[name].colour
        for _, training in rows[is_own].groupby("training"):
            axes.plot(training["images_passed"], training["loss"], color=colour, lw=0.9)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    panels[-1].set_xlabel("images passed through the encoder")
    title = f"{ranking.first['dataset']}, preset {ranking.first['preset']}"
    if ranking.differs:
        title = f"{title}, {ranking.differs}"
    titled(figure, f"{title}: loss")
    return figure
