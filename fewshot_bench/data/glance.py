"""A data set at a glance: a few lines of text, or a table with a picture of each class."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Glance"]

MOST_CLASSES = 8  # named in text
MOST_NOTES = 4
SIDE = 64  # of a picture of the table, in pixels


@dataclass(frozen=True)
class Glance:
    """What is told of a data set. about: in one line; counts: images of each class; notes: of it.

    first: an image (C, H, W) of each class.
    """

    about: str
    counts: Sequence[tuple[str, int]]
    notes: Sequence[str]
    first: Sequence[npt.NDArray[np.uint8]]

    @property
    def text(self) -> str:
        """A few lines, however many classes and notes there are."""
        named = [f"{name} {count}" for name, count in self.counts[:MOST_CLASSES]]
        lines = [self.about, f"  {', '.join(named)}{_more(self.counts, MOST_CLASSES)}"]
        lines += [f"  note: {note}" for note in self.notes[:MOST_NOTES]]
        if len(self.notes) > MOST_NOTES:
            lines.append(f"  note:{_more(self.notes, MOST_NOTES)}: .notes has all")
        return "\n".join(lines)

    @property
    def table(self) -> str:
        """The same as HTML, with the first picture of each class."""
        rows = []
        for (name, count), pixels_CHW in zip(self.counts, self.first, strict=True):
            cells = [_picture(pixels_CHW), html.escape(name), str(count)]
            rows.append("".join(f"<td>{cell}</td>" for cell in cells))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        head = "<tr><th></th><th>class</th><th>images</th></tr>"
        return f"<p>{html.escape(self.about)}</p><table>{head}{body}</table>{notes}"


def _more(items: Sequence[object], named: int) -> str:
    return f" and {len(items) - named} more" if len(items) > named else ""


def _picture(pixels_CHW: npt.NDArray[np.uint8]) -> str:
    """An image as an element of a page, at most `SIDE` pixels wide and high."""
    pixels = pixels_CHW[0] if len(pixels_CHW) == 1 else pixels_CHW.transpose(1, 2, 0)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    content = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="" src="data:image/png;base64,{content}">'
