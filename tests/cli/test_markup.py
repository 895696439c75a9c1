"""Tables for papers and pages: escaped, with what is best in bold."""

import pytest

from fewshot_bench.cli.blocks import Grid, Line
from fewshot_bench.cli.markup import latex_text, markdown_text

GRID = Grid(
    ["baseline", "5 %", "5 %"],
    [["scl_amp|x", "61.9 +- 5.0", "-1.2 [-3.0, +0.5]"], ["a&b", "< 0.001", "15-way"]],
    bold=frozenset({(0, 1)}),
)


def test_markdown_is_a_pipe_table_between_paragraphs():
    text = markdown_text([Line("Heading."), GRID, Line("Note.")])
    paragraphs = text.split("\n\n")
    assert paragraphs[0] == "Heading."
    assert paragraphs[2] == "Note."
    assert paragraphs[1].splitlines() == [
        "| baseline | 5 % | 5 % |",
        "| --- | --- | --- |",
        r"| scl_amp\|x | **61.9 +- 5.0** | -1.2 [-3.0, +0.5] |",
        "| a&b | < 0.001 | 15-way |",
    ]


def test_latex_is_a_tabular_with_the_rules_of_booktabs():
    lines = latex_text([Line("5 % of it"), GRID]).splitlines()
    assert lines[0].startswith("%")
    assert lines[1:] == [
        "% 5 % of it",
        r"\begin{tabular}{lll}",
        r"\toprule",
        r"baseline & 5 \% & 5 \% \\",
        r"\midrule",
        r"scl\_amp$|$x & \textbf{61.9 $\pm$ 5.0} & $-$1.2 [$-$3.0, +0.5] \\",
        r"a\&b & $<$ 0.001 & 15-way \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_bracket_that_begins_a_row_is_no_option_of_the_row_before():
    assert r"{[}1, 2] & x" in latex_text([Grid(["a", "b"], [["[1, 2]", "x"]])])


@pytest.mark.parametrize("text_of", [markdown_text, latex_text])
def test_a_table_of_a_page_comes_in_one_part_without_what_can_be_spared(text_of):
    wide = Grid(["name", "rule", "x" * 130], [["n", "mean_cosine", "y"]], spare=["rule"])
    text = text_of([wide])
    assert "mean" not in text
    assert "y" in text
