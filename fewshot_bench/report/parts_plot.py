"""The picture of what decides: the spread that each source gives, at each shot value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path, write_atomically
from fewshot_bench.leaderboard.columns import CONDITION, condition_label, question_text, rankings
from fewshot_bench.leaderboard.parts import ALL_SOURCES, OF_QUESTION
from fewshot_bench.report.figure import FORMATS, LOOK, Picture, files_of, single
from fewshot_bench.report.looks import COLOURS, MARKERS

__all__ = ["draw_parts", "parts_figure"]

ROW = 0.45  # inches for a source
FRAME = 1.6  # inches for title, axis and legend
BESIDE = 0.6  # of a row, that the conditions share


def draw_parts(frame: pd.DataFrame, file: Path) -> list[Path]:
    """Write a picture of each question into `file`, `file` with -2, and so on; their paths.

    Raises `UserError` for an ending that is not drawn, and where there is nothing to draw.
    """
    path = user_path(file)
    form = path.suffix.removeprefix(".")
    if form not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise UserError(f"--picture {file} has no ending that is drawn (allowed: {endings})")
    written = []
    for number, ranking in enumerate(rankings(frame, OF_QUESTION), start=1):
        name = path.stem if number == 1 else f"{path.stem}-{number}"
        with rc_context(LOOK):
            picture = Picture(name, parts_figure(ranking.rows))
        for file_name, content in files_of(picture, [form]).items():
            place = path.with_name(file_name)
            _write(place, content)
            written.append(place)
    if not written:
        raise UserError(f"--picture {file}: no two results answer the same question")
    return written


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda file: file.write(content))


def parts_figure(rows: pd.DataFrame) -> Figure:
    """The rows of one question, as `leaderboard.parts` makes them: a row a source.

    A mark a shot value or train size, with its 95 % interval; spread in points.
    """
    sources = [source for source in ALL_SOURCES if source in set(rows["source"])]
    first = rows.iloc[0].to_dict()
    question = f"{first['dataset']}, {first['protocol']}: {question_text(first)}"
    figure, axes = single(question, "What decides", height=FRAME + ROW * len(sources))
    parts = list(rows.groupby(list(CONDITION), dropna=False, sort=False))
    shifts = np.linspace(-BESIDE / 2, BESIDE / 2, len(parts)) if len(parts) > 1 else [0.0]
    for number, (_, part) in enumerate(parts):
        below = part["spread"] - part["spread_low"]
        above = part["spread_high"] - part["spread"]
        lengths = 100 * np.array([below.fillna(0), above.fillna(0)])
        positions = part["source"].map(sources.index) + shifts[number]
        axes.errorbar(
            100 * part["spread"],
            positions,
            xerr=lengths,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            label=condition_label(part.iloc[0].to_dict()),
            ls="none",
            ms=5,
            elinewidth=1,
        )
    axes.set_yticks(range(len(sources)), sources)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("spread of results that differ in this alone, points, with 95 % interval")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(parts))
    return figure
