"""Predictions as files: a table with its reliability, and a sheet of the pictures."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from fewshot_bench.deploy.decide import Prediction
from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard.write import write_table
from fewshot_bench.report.draw import can_plot
from fewshot_bench.report.thumbnails import png_source

__all__ = ["check_sheet", "check_table", "write_predictions", "write_sheet"]

MOST_DRAWN = 60  # pictures on a PNG; a page has all of them


def check_table(file: Path) -> None:
    """Raise `UserError` where predictions cannot be written to this file."""
    if file.suffix.lower() != ".csv":
        raise UserError(f"--out {file} is no CSV file; give it a name that ends in .csv")
    can_plot("the reliability curve of --out")


def check_sheet(file: Path) -> None:
    """Raise `UserError` where no sheet can be written to this file."""
    if file.suffix.lower() not in (".png", ".html"):
        raise UserError(f"--sheet {file} cannot be drawn (allowed: FILE.png, FILE.html)")
    if file.suffix.lower() == ".png":
        can_plot("--sheet")


def write_predictions(made: Prediction, file: Path) -> list[Path]:
    """Write the table to a CSV file; beside it its reliability, as JSON and as a PNG."""
    write_table(file, made.table)
    about = file.with_suffix(".json")
    _write(about, json.dumps(made.about(), indent=1, ensure_ascii=False).encode())
    picture = file.with_name(f"{file.stem}-reliability.png")
    _write(picture, _reliability_png(made))
    return [file, about, picture]


def write_sheet(made: Prediction, file: Path) -> Path:
    """Draw the pictures with their classes, those to look at first in front; the file."""
    content = _page(made).encode() if file.suffix.lower() == ".html" else _sheet_png(made)
    _write(file, content)
    return file


def _write(file: Path, content: bytes) -> None:
    write_atomically(file, lambda stream: stream.write(content))


def _reliability_png(made: Prediction) -> bytes:
    from fewshot_bench.report import figure, looks

    bins = made.reliability["bins"]
    drawn, axes = figure.single(
        "Held-out references: how often an answer of a probability is right"
    )
    axes.plot([0, 1], [0, 1], color="#777777", ls=":", lw=0.8)
    probability = [each["probability"] for each in bins]
    right = [each["right"] for each in bins]
    axes.plot(probability, right, "o-", color=looks.COLOURS[0])
    for each in bins:
        place = (each["probability"], each["right"])
        axes.annotate(
            str(each["pictures"]), place, fontsize=7, xytext=(4, -8), textcoords="offset points"
        )
    axes.set_xlabel("probability")
    axes.set_ylabel("share that is right")
    axes.set_xlim(0, 1.05)
    axes.set_ylim(0, 1.05)
    files = figure.files_of(figure.Picture("reliability", drawn))
    return files["reliability.png"]


def _sheet_png(made: Prediction) -> bytes:
    from fewshot_bench.report import figure
    from fewshot_bench.report.sheet import Tile, last_letters, sheet

    table = made.table.sort_values("look_first")
    shown = table.head(MOST_DRAWN)
    tiles = []
    for place, row in zip(shown.index, shown.to_dict("records"), strict=True):
        above = last_letters(str(row["picture"]))
        tiles.append(Tile(made.images.images[place], above, _answer(row)))
    count = "all pictures"
    if len(shown) < len(table):
        count = f"{len(shown)} of {len(table)} pictures"
    title = f"{made.method}: {count}, those to look at first in front"
    return figure.files_of(sheet(tiles, title=title, name="sheet"))["sheet.png"]


def _answer(row: Mapping[Hashable, Any]) -> str:
    mark = "unknown? " if row["unknown"] else ""
    return f"{mark}{row['class']} {row['score']:.2f}"


def _page(made: Prediction) -> str:
    table = made.table.sort_values("look_first")
    pictures = []
    for place, row in zip(table.index, table.to_dict("records"), strict=True):
        source = png_source(made.images.images[place])
        pictures.append({**row, "source": source, "answer": _answer(row)})
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = resources.files("fewshot_bench.report").joinpath("predictions.html").read_text("utf-8")
    return environment.from_string(text).render(made=made, pictures=pictures)
