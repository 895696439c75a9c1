"""Tables are never wider than the terminal, and only a name that is too long is broken."""

import io

import pytest
from rich.console import Console

from fewshot_bench.cli.blocks import Block, Grid, Line, fitting, print_blocks


def lines_of(*blocks: Block, width: int) -> list[str]:
    out = io.StringIO()
    print_blocks(Console(file=out, width=width, markup=False, emoji=False), blocks)
    return out.getvalue().splitlines()


WIDE = Grid(
    ["name", "rule", *(f"{shots}-shot" for shots in range(9))],
    [["resnet", "mean_cosine", *["61.9 +- 5.0"] * 9], ["amp", "ridge", *["missing"] * 9]],
    spare=["rule"],
    bold=frozenset({(0, 2), (0, 10)}),
)


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_a_table_that_is_too_wide_comes_in_parts_of_one_line_a_row(width: int):
    lines = lines_of(WIDE, width=width)
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("│")]
    assert len(rows) % 2 == 0
    assert all(row.split("│")[1].strip() in ("resnet", "amp") for row in rows)
    assert "\n".join(lines).count("61.9 +- 5.0") == 9
    assert "…" not in "\n".join(lines)


def test_columns_are_spared_before_a_table_is_parted():
    narrow = Grid(["name", "rule", "1-shot"], [["a", "b" * 20, "c"]], spare=["rule"])
    assert fitting(narrow, 80) is narrow
    assert fitting(narrow, 30).heads == ["name", "1-shot"]
    assert fitting(WIDE, 80).heads == ["name", *(f"{shots}-shot" for shots in range(9))]
    assert fitting(WIDE, 80).bold == {(0, 1), (0, 9)}


def test_another_table_stands_in_the_place_of_one_that_does_not_fit():
    other = Grid(["class", "taken for"], [["Cr", "Sc 25.0"]])
    grid = Grid(["class", "x" * 90], [["Cr", "3"]], otherwise=other)
    assert fitting(grid, 80) is other
    assert fitting(grid, 120) is grid


@pytest.mark.parametrize(("is_cut", "rows"), [(False, 2), (True, 1)])
def test_one_column_gives_way_and_the_others_stay(is_cut: bool, rows: int):
    grid = Grid(["name", "year"], [["n" * 50, "2024"]], front=2 if is_cut else 1, is_cut=is_cut)
    lines = lines_of(grid, width=40)
    assert max(map(len, lines)) <= 40
    assert sum(line.startswith("│") for line in lines) == rows
    assert "2024" in "\n".join(lines)
    assert ("…" in "\n".join(lines)) is is_cut


def test_wide_characters_count_as_the_cells_they_take():
    lines = lines_of(Grid(["class", "a", "b"], [["裂纹" * 5, "1" * 20, "2" * 20]]), width=60)
    assert sum(line.startswith("┏") for line in lines) == 2


def test_a_line_wraps_unless_it_must_not():
    assert len(lines_of(Line("word " * 30), width=40)) > 1
    assert len(lines_of(Line("word " * 30, wraps=False), width=40)) == 1
