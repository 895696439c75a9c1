"""Names at the right of a panel stand apart, in the order of the ends of the lines."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from fewshot_bench.report.figure import mark_chance
from fewshot_bench.report.labels import (
    MOST_COLOURED,
    End,
    height_for,
    name_ends,
    name_series,
    set_apart,
)
from fewshot_bench.report.looks import looks_of

NAMES = [f"method{number}" for number in range(16)]
LOOKS = looks_of(NAMES)


def panel(names: int):
    figure = Figure(figsize=(6, height_for(names, 4.0)), layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 100)
    return figure, axes


def boxes(figure, axes):
    """The box of each name in pixels, the highest first."""
    figure.draw_without_rendering()
    found = [(text.get_text(), text.get_window_extent()) for text in axes.texts]
    return sorted(found, key=lambda pair: -pair[1].y0)


@pytest.mark.parametrize("heights", [np.full(16, 95.0), np.full(16, 0.0), np.linspace(100, 90, 16)])
def test_names_never_overlap_nor_leave_the_figure(heights):
    figure, axes = panel(len(NAMES))
    ends = [
        End(name, LOOKS[name], 1.0, height) for name, height in zip(NAMES, heights, strict=True)
    ]
    name_ends(axes, ends)
    found = boxes(figure, axes)
    assert [name for name, _ in found] == NAMES
    for (_, upper), (_, lower) in itertools.pairwise(found):
        assert upper.y0 >= lower.y1
    assert found[0][1].y1 <= figure.bbox.y1
    assert found[-1][1].y0 >= figure.bbox.y0
    assert max(box.x1 for _, box in found) <= figure.bbox.x1


def test_a_name_with_room_stands_at_the_end_of_its_line():
    _figure, axes = panel(2)
    ends = [End("low", LOOKS[NAMES[0]], 1.0, 20.0), End("high", LOOKS[NAMES[1]], 1.0, 80.0)]
    name_ends(axes, ends)
    assert {text.get_text(): text.get_position()[1] for text in axes.texts} == pytest.approx(
        {"low": 0.2, "high": 0.8}
    )


def test_series_without_an_end_stand_in_their_order_from_the_top():
    figure, axes = panel(4)
    name_series(axes, {name: LOOKS[name] for name in reversed(NAMES[:4])})
    assert [name for name, _ in boxes(figure, axes)] == NAMES[3::-1]
    assert axes.texts[0].get_position()[1] == 1.0


def test_the_first_series_have_their_colour_and_the_rest_is_grey():
    shown = set_apart(NAMES, LOOKS)
    coloured = [name for name, look in shown.items() if not look.is_grey]
    assert coloured == NAMES[:MOST_COLOURED]
    assert all(shown[name] == LOOKS[name] for name in coloured)
    assert len(set(shown.values())) == len(NAMES), "no two look alike"


def test_names_stay_beside_their_ends_where_chance_widens_the_panel():
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([1, 5], [40, 60])
    assert mark_chance(axes, 35.0) == "chance: 35, dotted line"
    limits = axes.get_ylim()
    assert limits[0] < 35
    name_ends(axes, [End("only", LOOKS[NAMES[0]], 5.0, 60.0)])
    figure.draw_without_rendering()
    assert axes.get_ylim() == limits
    (name,) = axes.texts
    assert name.get_position()[1] == pytest.approx((60 - limits[0]) / (limits[1] - limits[0]))
