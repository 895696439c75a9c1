"""Predictions as files: a table with its reliability, and a sheet of the pictures."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, StrictUndefined
from PIL import Image

from fewshot_bench.deploy.decide import Prediction
from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard.write import write_table
from fewshot_bench.report.draw import can_plot

__all__ = ["check_sheet", "check_table", "write_predictions", "write_sheet"]

MOST_DRAWN = 60  # pictures on a PNG; a page has all of them
A_ROW = 6
SIDE = 1.5  # inches of a picture
LETTERS = 22  # of a picture's name, the last ones


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
    from fewshot_bench.report import figure

    bins = made.reliability["bins"]
    drawn, axes = figure.single(
        "Held-out references: how often an answer of a probability is right"
    )
    axes.plot([0, 1], [0, 1], color="#777777", ls=":", lw=0.8)
    probability = [each["probability"] for each in bins]
    right = [each["right"] for each in bins]
    axes.plot(probability, right, "o-", color=figure.COLOURS[2])
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
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from fewshot_bench.report import figure

    table = made.table.sort_values("look_first")
    rows = table.to_dict("records")[:MOST_DRAWN]
    places = table.index[:MOST_DRAWN]
    lines = math.ceil(len(rows) / A_ROW)
    with rc_context(figure.LOOK):
        drawn = Figure(figsize=(A_ROW * SIDE, lines * (SIDE + 0.45) + 0.6))
        panels = drawn.subplots(lines, A_ROW, squeeze=False).ravel()
        for axes in panels[len(rows) :]:
            axes.set_visible(False)
        for axes, row, place in zip(panels, rows, places, strict=False):
            axes.imshow(_pixels(made.images.images[place]), cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(str(row["picture"])[-LETTERS:], fontsize=6)
            axes.set_xlabel(_answer(row), fontsize=6)
        shown = (
            f"{len(rows)} of {len(table)} pictures" if len(rows) < len(table) else "all pictures"
        )
        figure.titled(drawn, f"{made.method}: {shown}, those to look at first in front")
        files = figure.files_of(figure.Picture("sheet", drawn))
    return files["sheet.png"]


def _answer(row: Mapping[Hashable, Any]) -> str:
    mark = "unknown? " if row["unknown"] else ""
    return f"{mark}{row['class']} {row['score']:.2f}"


def _page(made: Prediction) -> str:
    table = made.table.sort_values("look_first")
    pictures = []
    for place, row in zip(table.index, table.to_dict("records"), strict=True):
        source = base64.b64encode(_png(made.images.images[place])).decode()
        pictures.append({**row, "source": source, "answer": _answer(row)})
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = resources.files("fewshot_bench.report").joinpath("predictions.html").read_text("utf-8")
    return environment.from_string(text).render(made=made, pictures=pictures)


def _pixels(image_CHW: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(H, W) of a grey image, (H, W, 3) of another."""
    return image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0)


def _png(image_CHW: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_pixels(image_CHW)).save(file, "PNG")
    return file.getvalue()
