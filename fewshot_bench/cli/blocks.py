"""What a command shows: lines of text and tables, whatever the form in which they are printed.

On a terminal a table is as wide as the terminal: first columns that can be spared are left out,
then the table comes in parts, and only a name that is too long for its part is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

__all__ = ["Block", "Grid", "Line", "fitting", "print_blocks", "print_line"]

BORDER = 3  # characters that a column takes beside its text, and 1 more for the table
NARROWEST = 8  # characters of a column that gives way


@dataclass(frozen=True)
class Line:
    """A heading or a note. wraps: False for one that stays on one line, however long."""

    text: str
    wraps: bool = True


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    front: how many columns each part of a table begins with that is too wide for one part; spare:
    heads of columns that are left out where there is no room, the first one first; shrinks: the
    column that gives way where even a part is too wide: its texts are broken, or cut if `is_cut`;
    bold: (row, column) of cells; otherwise: the table in the place of this one where it does not
    fit in one part.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    front: int = 1
    spare: Sequence[str] = ()
    shrinks: int = 0
    is_cut: bool = False
    bold: frozenset[tuple[int, int]] = frozenset()
    otherwise: Grid | None = None

    @property
    def widths(self) -> list[int]:
        """The characters that each column takes, with its border."""
        widths = []
        for column in zip(self.heads, *self.rows, strict=True):
            longest = max(cell_len(text) for text in column)
            widths.append(longest + BORDER)
        return widths

    def fits(self, width: int) -> bool:
        """Whether it fits into a width in one part, with no text broken."""
        return sum(self.widths) < width

    def only(self, columns: Sequence[int]) -> Grid:
        """The table of these columns."""
        bold = set()
        for row, column in self.bold:
            if column in columns:
                bold.add((row, columns.index(column)))
        heads = [self.heads[column] for column in columns]
        return Grid(
            heads=heads,
            rows=[[row[column] for column in columns] for row in self.rows],
            front=sum(column < self.front for column in columns),
            spare=[head for head in self.spare if head in heads],
            shrinks=columns.index(self.shrinks),
            is_cut=self.is_cut,
            bold=frozenset(bold),
        )

    def parts(self, width: int) -> Iterator[Grid]:
        """As many tables as it takes to fit all columns into a width; one if its texts are cut."""
        if self.is_cut or self.fits(width):
            yield self
            return
        widths = self.widths
        room = width - sum(widths[: self.front])
        for group in _groups_that_fit(widths, self.front, room):
            yield self.only([*range(self.front), *group])


Block = Line | Grid


def fitting(grid: Grid, width: int) -> Grid:
    """The table with as many columns that can be spared as fit, or the one in its place."""
    kept = list(range(len(grid.heads)))
    whole = grid
    for head in grid.spare:
        if whole.fits(width):
            return whole
        kept.remove(grid.heads.index(head))
        whole = grid.only(kept)
    if grid.otherwise is None or whole.fits(width):
        return whole
    return fitting(grid.otherwise, width)


def print_blocks(console: Console, blocks: Iterable[Block]) -> None:
    """Print lines and tables that are as wide as the console at most."""
    for block in blocks:
        if isinstance(block, Line):
            print_line(console, block.text, wrap=block.wraps)
            continue
        for part in fitting(block, console.width).parts(console.width):
            console.print(_rich_table(part, console.width))


def print_line(console: Console, text: str, *, wrap: bool = True) -> None:
    """Print text as it is; without `wrap` on one line, however long."""
    console.print(text, highlight=False, markup=False, soft_wrap=not wrap)


def _groups_that_fit(widths: Sequence[int], first: int, room: int) -> list[list[int]]:
    """Columns from `first` on, as many together as fit into the room, and at least one."""
    groups: list[list[int]] = []
    used = 0
    for index in range(first, len(widths)):
        if not groups or used + widths[index] >= room:
            groups.append([])
            used = 0
        groups[-1].append(index)
        used += widths[index]
    return groups


def _rich_table(grid: Grid, width: int) -> Table:
    table = Table()
    room = _room_to_shrink(grid, width)
    overflow: OverflowMethod = "ellipsis" if grid.is_cut else "fold"
    for column, head in enumerate(grid.heads):
        if column == grid.shrinks:
            table.add_column(head, max_width=room, no_wrap=grid.is_cut, overflow=overflow)
        else:
            table.add_column(head, no_wrap=True)
    for number, row in enumerate(grid.rows):
        cells = []
        for column, text in enumerate(row):
            style = "bold" if (number, column) in grid.bold else ""
            cells.append(Text(text, style=style))
        table.add_row(*cells)
    return table


def _room_to_shrink(grid: Grid, width: int) -> int:
    """The characters that are left for the texts of the column that gives way."""
    widths = grid.widths
    others = sum(widths) - widths[grid.shrinks]
    return max(width - 1 - others - BORDER, NARROWEST)
