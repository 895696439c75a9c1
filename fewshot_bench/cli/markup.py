"""Lines and tables as Markdown and as LaTeX: the columns that the terminal has, in one part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fewshot_bench.cli.blocks import Block, Grid, Line, fitting

__all__ = ["WIDTH_OF_A_PAGE", "latex_text", "markdown_text"]

WIDTH_OF_A_PAGE = 120  # characters a line, to choose the columns of a table
ESCAPED_BAR = "\\|"  # a bar that does not end a cell of a Markdown table
BOOKTABS = r"% needs \usepackage{booktabs}"
# what LaTeX takes for something else and pandas does not escape
LATEX_SIGNS = {
    r"\+-": r"$\\pm$",
    r"(?<![\w.])-(?=\d)": "$-$",
    "<": "$<$",
    ">": "$>$",
    r"\|": "$|$",
    r"^\[": "{[}",  # at the start of a row it would be an option of the row before
}


def markdown_text(blocks: Iterable[Block]) -> str:
    """Paragraphs and pipe tables, best cells in bold."""
    parts = []
    for block in blocks:
        if isinstance(block, Line):
            parts.append(block.text)
        else:
            parts.append(_markdown_table(fitting(block, WIDTH_OF_A_PAGE)))
    return "\n\n".join(parts)


def _markdown_table(grid: Grid) -> str:
    lines = [_markdown_line(grid.heads), _markdown_line(["---"] * len(grid.heads))]
    for number, row in enumerate(grid.rows):
        cells = []
        for column, text in enumerate(row):
            cells.append(f"**{text}**" if (number, column) in grid.bold else text)
        lines.append(_markdown_line(cells))
    return "\n".join(lines)


def _markdown_line(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", ESCAPED_BAR) for cell in cells]
    return f"| {' | '.join(escaped)} |"


def latex_text(blocks: Iterable[Block]) -> str:
    """A `tabular` for each table, with the rules of booktabs; lines are comments."""
    parts = [BOOKTABS]
    for block in blocks:
        if isinstance(block, Line):
            parts.append(f"% {block.text}")
        else:
            parts.append(_latex_table(fitting(block, WIDTH_OF_A_PAGE)))
    return "\n".join(parts)


def _latex_table(grid: Grid) -> str:
    import pandas as pd

    # pandas wants each column to have a name of its own, and two heads may be the same
    columns = [f"{number}:{head}" for number, head in enumerate(grid.heads)]
    frame = pd.DataFrame([list(row) for row in grid.rows], columns=columns)
    styles = pd.DataFrame("", index=frame.index, columns=columns)
    for row, column in grid.bold:
        styles.iloc[row, column] = "textbf:--rwrap"
    styler = frame.style.hide(axis="index").apply(lambda _: styles, axis=None)
    styler = styler.format(_with_signs, escape="latex")
    styler = styler.format_index(_head_with_signs, escape="latex", axis="columns")
    return str(styler.to_latex(hrules=True)).rstrip()


def _head_with_signs(column: object) -> str:
    return _with_signs(str(column).partition(":")[2])


def _with_signs(escaped: object) -> str:
    """A text in which pandas escaped what it does, with the other signs for LaTeX."""
    text = str(escaped)
    for pattern, sign in LATEX_SIGNS.items():
        text = re.sub(pattern, sign, text)
    return text
