"""Fonts for names in any script: matplotlib's own has Latin, Greek and Cyrillic letters alone."""

from __future__ import annotations

import functools
import logging
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

__all__ = ["drawable"]

LOG = logging.getLogger("fewshot_bench")
LAST_RESORT = "Last Resort"  # a font with a box for every letter
OWN = "DejaVu Sans"  # comes with matplotlib
UPRIGHT = (400, "normal", "regular", "book")  # weights, as matplotlib gives them
MOST_SHOWN = 10  # characters in a message
_told: set[str] = set()


@contextmanager
def drawable(figure: Figure) -> Iterator[None]:
    """Draw the figure in the block: its texts get fonts that have their glyphs.

    Where no font has them, one line says so once, in the place of matplotlib's warnings.
    """
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    for axis in axes:
        axis.get_ticklabels()  # they are made when they are asked for
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    wanted = _beyond(OWN, "".join(text.get_text() for text in texts))
    families = [OWN]
    if wanted:
        families += _fonts_for(frozenset(wanted))
        for text in texts:
            text.set_fontfamily(families)
        for axis in axes:
            axis.set_tick_params(labelfontfamily=families)
    missing = wanted
    for family in families[1:]:
        missing = _beyond(family, missing)
    _tell(missing)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _beyond(family: str, letters: Iterable[str]) -> set[str]:
    """The letters that the font has no glyph for."""
    path = findfont(FontProperties(family=[family]))
    return _without_glyph(path, letters)


def _without_glyph(path: str, letters: Iterable[str]) -> set[str]:
    glyphs = _glyphs(path)
    beyond = set()
    for letter in set(letters):
        is_visible = not unicodedata.category(letter).startswith("C")
        if is_visible and ord(letter) not in glyphs:
            beyond.add(letter)
    return beyond


@functools.lru_cache(maxsize=8)
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())


@functools.cache
def _fonts_for(letters: frozenset[str]) -> list[str]:
    """Fonts on this machine that together have the glyphs, as far as there are some.

    First the one that has the most of them.
    """
    missing_in: dict[str, set[str]] = {}
    for entry in sorted(fontManager.ttflist, key=lambda entry: entry.name):
        if LAST_RESORT in entry.name:
            continue
        is_upright = entry.style == "normal" and entry.weight in UPRIGHT
        # a font may be gone, or not be one that can be read
        with suppress(OSError, RuntimeError):
            if is_upright and entry.name not in missing_in:
                missing_in[entry.name] = _without_glyph(entry.fname, letters)
    missing = set(letters)
    families: list[str] = []
    while missing_in:
        best = min(missing_in, key=lambda name: len(missing & missing_in[name]))
        rest = missing & missing_in.pop(best)
        if len(rest) == len(missing):
            break
        families.append(best)
        missing = rest
    return families


def _tell(missing: set[str]) -> None:
    shown = "".join(sorted(missing)[:MOST_SHOWN])
    if missing and shown not in _told:
        _told.add(shown)
        LOG.warning(
            f"no font here has the glyphs of {shown}, so plots show boxes in their place; install "
            "a font that has them, such as Noto Sans CJK"
        )
