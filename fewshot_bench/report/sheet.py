"""Sheets of pictures, with a line above and some below each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.report.figure import LOOK, Picture, stem, titled
from fewshot_bench.report.thumbnails import Pixels, channels_last

__all__ = ["Tile", "hardest_pictures", "last_letters", "sheet"]

A_ROW = 6
SIDE = 1.5  # inches of a picture
LINE = 0.16  # inches of a line of text
LETTERS = 22  # of a line above or below a picture


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture (C, H, W) of a sheet, with the lines above and below it."""

    image_CHW: Pixels
    above: str
    below: str


def hardest_pictures(data: LabelledImages, table: pd.DataFrame, count: int) -> Picture:
    """Test pictures with their class, what they were most often taken for, and how often.

    table: a row a picture, see `columns.HARDEST`; count: of all test pictures.
    """
    tiles = []
    for row in table.to_dict("records"):
        taken_for = f"taken for {row['taken_for']}" if row["wrong"] else "never wrong"
        lines = [row["class"], taken_for, f"wrong in {row['wrong']:,} of {row['asked']:,}"]
        file = data.files[row["image"]].rpartition("/")[2]
        tiles.append(Tile(data.images[row["image"]], last_letters(file), "\n".join(lines)))
    title = f"{data.name}: the {len(table)} of {count:,} test pictures that were most often wrong"
    return sheet(tiles, title=title, name=f"hardest-{stem(data.name)}")


def sheet(tiles: Sequence[Tile], *, title: str, name: str) -> Picture:
    """Pictures in rows of six."""
    lines = math.ceil(len(tiles) / A_ROW)
    text_lines = max(_lines(tile.above) + _lines(tile.below) for tile in tiles)
    with rc_context(LOOK):
        height = lines * (SIDE + LINE * text_lines + 0.15) + 0.6
        figure = Figure(figsize=(A_ROW * SIDE, height))
        panels = figure.subplots(lines, A_ROW, squeeze=False).ravel()
        for axes in panels[len(tiles) :]:
            axes.set_visible(False)
        for axes, tile in zip(panels, tiles, strict=False):
            axes.imshow(channels_last(tile.image_CHW), cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            axes.set_title(tile.above, fontsize=6)
            axes.set_xlabel(tile.below, fontsize=6)
        titled(figure, title)
    return Picture(name, figure)


def _lines(text: str) -> int:
    return text.count("\n") + 1


def last_letters(name: str) -> str:
    """The end of a name that is too long for a sheet."""
    return name if len(name) <= LETTERS else f"...{name[3 - LETTERS :]}"
