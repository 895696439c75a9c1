"""The picture of one condition: the best on top, those that tie joined."""

import numpy as np
import pytest

from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.report.looks import looks_of
from fewshot_bench.report.ranked import ranked_accuracies
from tests.helpers.frames import board, board_row


def drawn(*rows):
    table = board(*rows)
    return ranked_accuracies(Ranking(table, ""), looks_of(table["baseline"]))


def groups_of(axes):
    """The positions that each line at the right joins."""
    return [line.get_ydata().tolist() for line in axes.lines if line.get_linewidth() == 1.6]


def test_methods_are_ordered_with_their_accuracy_and_interval():
    missing = board_row(np.nan, baseline="broken", ties=np.nan, status="failed")
    figure = drawn(missing, board_row(0.6, baseline="low"), board_row(0.9, baseline="high"))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["high", "low", "broken"]
    assert [text.get_text() for text in axes.texts] == ["90.0", "60.0", "no result"]
    bars = [container.lines[2][0].get_segments()[0] for container in axes.containers[:2]]
    assert [bar[:, 0].tolist() for bar in bars] == [
        pytest.approx([80, 100]),
        pytest.approx([50, 70]),
    ]
    low, high = axes.get_ylim()
    assert low > high, "the first is on top"


def test_methods_that_tie_are_joined():
    figure = drawn(
        board_row(0.9, baseline="one", ties="a"),
        board_row(0.8, baseline="two", ties="ab(53)"),
        board_row(0.7, baseline="three", ties="b"),
        board_row(0.6, baseline="four", ties="(53)"),
        board_row(0.1, baseline="five", ties="c"),
    )
    assert sorted(groups_of(figure.axes[0])) == [[0, 1], [1, 2], [1, 3]]
    assert "joins methods" in figure.get_supxlabel()


def test_where_nothing_ties_nothing_is_said_of_it():
    figure = drawn(board_row(0.9, ties="a"), board_row(0.2, baseline="other", ties="b"))
    assert groups_of(figure.axes[0]) == []
    assert "joins" not in figure.get_supxlabel()


def test_chance_is_a_line_where_the_accuracies_come_near_it():
    near = drawn(board_row(0.6))
    assert "chance: 50, dotted line" in near.get_supxlabel()
    far = drawn(board_row(0.95, ci95_low=0.94, ci95_high=0.96))
    assert "(chance: 50)" in far.get_supxlabel()
    assert far.axes[0].get_xlim()[0] > 90, "no empty space"
