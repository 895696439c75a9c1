"""docs/quickstart.ipynb: what stands in it is what it makes, and it names no place of a machine."""

import json
import re
from collections.abc import Iterator

import pytest
from nbformat import NotebookNode

from tests.helpers.notebook import NOTEBOOK, code_cells, executed, stored

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
POINTS = 2.0  # other processors round features otherwise, which turns single answers
FRACTION = 0.02


def texts(cell: NotebookNode) -> Iterator[str]:
    """What a cell shows as text: printed lines and tables."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        elif "text/plain" in output.data:
            yield output.data["text/plain"]


def assert_same(found: str, expected: str) -> None:
    """The same words, and numbers that are nearly the same: fractions, or figures in percent."""
    assert NUMBER.sub("N", found).split() == NUMBER.sub("N", expected).split()
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True):
        tolerance = FRACTION if abs(float(other)) < 1 and len(other) > 4 else POINTS
        assert float(one) == pytest.approx(float(other), abs=tolerance), f"{one} beside {other}"


def test_numbers_and_words_are_held():
    assert_same("frozen 75.2 (69.4 to 80.2)", "frozen 75.9  (69.0 to 80.2)")
    for other in ("frozen 79.2 (69.4 to 80.2)", "lbp 75.2 (69.4 to 80.2)", "frozen 75.2 (69.4 to)"):
        with pytest.raises(AssertionError):
            assert_same("frozen 75.2 (69.4 to 80.2)", other)
    with pytest.raises(AssertionError):
        assert_same("difference 0.127", "difference 0.157")


def test_it_has_five_cells_and_shows_what_each_gives():
    cells = code_cells(stored())
    assert len(cells) == 5
    assert all(cell.outputs for cell in cells)
    pictures = [one for cell in cells for one in cell.outputs if "image/png" in one.get("data", {})]
    assert len(pictures) == 1
    table = cells[1].outputs[0].data
    assert "text/html" in table
    assert "frozen+whitened" in table["text/plain"]


def test_it_names_no_place_of_a_machine_and_is_small():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 150_000
    for cell in json.loads(text)["cells"]:
        written = json.dumps([cell["source"], [*texts_of_json(cell)]])
        assert not re.search(r"/(tmp|home|root|work|Users)/|[A-Z]:\\\\", written)
        assert not any(output.get("name") == "stderr" for output in cell.get("outputs", []))


def texts_of_json(cell: dict) -> Iterator[object]:
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        for kind, content in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield content


@pytest.mark.slow
def test_the_outputs_are_those_that_it_makes():
    for made, kept in zip(code_cells(executed()), code_cells(stored()), strict=True):
        for found, expected in zip(texts(made), texts(kept), strict=True):
            assert_same(found, expected)
