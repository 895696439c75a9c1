"""`bench recommend` on the command line: the paragraph comes last, and a mistake is one line."""

from pathlib import Path

import pytest

from tests.helpers.command_line import assert_well_ended
from tests.helpers.textures import stripes

pytestmark = pytest.mark.usefixtures("empty_cache")
SHORT = ("--baselines", "pixels", "--episodes", "10", "--shots", "1")


def test_the_paragraph_comes_last(bench, tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 8, "b": 8, "c": 8})
    status, out, err = bench("recommend", "--data", place, "--out", tmp_path / "out", *SHORT)
    assert status == 0, err
    assert "3 of 3 splits were run" in out
    last = out.split("\n\n")[-1]
    assert last.startswith("Use pixels")
    assert "1-shot" in out
    status, out, _ = bench("show", "--out", tmp_path / "out", "--shots", "1")
    assert status == 0
    status, out, _ = bench(
        "recommend", "--data", place, "--out", tmp_path / "out", *SHORT, "--format", "csv"
    )
    assert status == 0
    assert out.startswith("method,shots,accuracy")


@pytest.mark.parametrize("classes", [{}, {"a": 4}, {"a": 4, "b": 4}, {"a": 4, "b": 4, "c": 1}])
def test_data_that_allows_nothing_is_one_line(bench, tmp_path: Path, classes: dict[str, int]):
    place = tmp_path / "own"
    place.mkdir()
    stripes(place, classes)
    status, _, err = bench("recommend", "--data", place, "--out", tmp_path / "out", *SHORT)
    assert status == 2
    assert_well_ended(status, err)


@pytest.mark.parametrize(
    "words", [("--minutes", "0"), ("--minutes", "soon"), ("--data", "missing")]
)
def test_mistakes_are_one_line(bench, tmp_path: Path, words: tuple[str, ...]):
    place = stripes(tmp_path / "own", {"a": 4, "b": 4, "c": 4})
    data = () if "--data" in words else ("--data", place)
    status, _, err = bench("recommend", *data, *words, "--out", tmp_path / "out")
    assert status == 2
    assert_well_ended(status, err)
