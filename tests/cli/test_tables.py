"""Tables fit the terminal."""

import io

import pytest
from rich.console import Console

from fewshot_bench import api
from fewshot_bench.cli import tables as board
from tests.helpers.runs import run


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> api.Outcome:
    folder = tmp_path_factory.mktemp("terminal")
    return run(folder / "out", baselines=["pixels", "untrained", "lbp"], shots=[1, 2, 3, 5, 8, 10])


def shown(outcome: api.Outcome, width: int) -> list[str]:
    out = io.StringIO()
    board.show_leaderboard(Console(file=out, width=width, markup=False, emoji=False), outcome.table)
    return out.getvalue().splitlines()


def test_a_table_fits_80_columns_and_shows_more_on_wider_ones(outcome: api.Outcome):
    narrow, wider, widest = (shown(outcome, width) for width in (80, 110, 160))
    for lines, width in ((narrow, 80), (wider, 110), (widest, 160)):
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        for at in (1, 2, 3, 5, 8, 10):
            assert f"{at}-shot" in text
        for row in outcome.table.to_dict("records"):
            half = (row["ci95_high"] - row["ci95_low"]) / 2
            assert f"{100 * row['accuracy']:.1f} +- {100 * half:.1f}" in text, (
                "no cell is cut or broken"
            )
    assert sum("┃ baseline" in line for line in narrow) == 2, "in two parts"
    assert sum("┃ baseline" in line for line in widest) == 1
    assert "encoder" not in "\n".join(narrow)
    assert "resnet18" in "\n".join(wider)
    assert "mean_cosine" in "\n".join(widest)
