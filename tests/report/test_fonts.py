"""Names in any script are drawn with a font that has them, or one line says that there is none."""

import io
import warnings

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font

from fewshot_bench.report import fonts
from fewshot_bench.report.figure import Picture, files_of


def figure_of(label: str) -> Figure:
    figure = Figure()
    FigureCanvasAgg(figure)
    figure.subplots().set_xticks([0, 1], labels=["plain", label])
    return figure


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_told", set())


def test_a_font_that_has_the_glyphs_is_found(caplog: pytest.LogCaptureFixture):
    def letters(family: str) -> set[int]:
        return set(FT2Font(findfont(FontProperties(family=[family]))).get_charmap())

    only_there = sorted(letters("STIXGeneral") - letters(fonts.OWN))
    label = next(chr(code) for code in only_there if chr(code).isprintable())
    figure = figure_of(label)
    with warnings.catch_warnings(), fonts.drawable(figure):
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO())
    (axes,) = figure.axes
    first, *others = axes.get_xticklabels()[1].get_fontfamily()
    assert first == fonts.OWN
    assert others
    assert not caplog.messages


def test_without_such_a_font_one_line_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(fonts, "_fonts_for", lambda letters: [])
    for _ in range(2):
        files_of(Picture("x", figure_of("\u5212\u75d5")))
    assert caplog.messages == [
        "no font here has the glyphs of \u5212\u75d5, so plots show boxes in their place; install a font "
        "that has them, such as Noto Sans CJK"
    ]


def test_plain_names_look_for_no_font(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fonts, "_fonts_for", lambda letters: pytest.fail("not needed"))
    files_of(Picture("x", figure_of("Ray\u00e9 \u03b1 \u0416")))
