"""From a folder to a recommendation: its files hold what it says, and `bench predict` can read the method."""

import json
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import Request, UserError, recommend
from fewshot_bench.advice.recommendation import TABLE
from fewshot_bench.deploy.method import read_method, read_options
from tests.helpers.textures import stripes

pytestmark = pytest.mark.usefixtures("empty_cache")
PIXELS = Request(baselines="pixels", episodes=30)


def test_a_recommendation_and_its_files(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 8, "c": 12})
    made = recommend(place, tmp_path / "out", request=PIXELS)
    assert list(made.promised) == [1, 3, 5]
    for expected in made.promised.values():
        assert 0 <= expected.low <= expected.mean <= expected.high <= 1
    assert made.paragraph.startswith(f"Use {made.about['row']} (--method {made.method.name}")
    assert list(made.table.columns) == list(TABLE)
    assert len(made.table) == 3 * 18  # shots, and 9 rules with 2 powers each
    assert made.table["method"].iloc[0] == made.about["row"]
    assert made.table["known_accuracy"].between(0, 1).all()
    assert "3 of 3 splits were run: every one holds out 2 of the 3 classes" in made.notes

    assert read_method(tmp_path / "out") == made.method
    content = json.loads((tmp_path / "out" / "recommendation.json").read_text())
    assert content["promised"]["5"]["accuracy"] == pytest.approx(made.promised[5].mean, abs=1e-6)
    assert set(content["meaning"]) == {"promised", *TABLE}
    assert str(tmp_path) not in json.dumps(content)
    page = (tmp_path / "out" / "recommendation.md").read_text()
    assert made.paragraph in page
    assert [file.name for file in made.files] == ["recommendation.md", "recommendation.json"]

    before = (tmp_path / "out" / "recommendation.json").read_bytes()
    again = recommend(place, tmp_path / "out", request=PIXELS)
    assert (tmp_path / "out" / "recommendation.json").read_bytes() == before
    pd.testing.assert_frame_equal(again.table, made.table)


def test_small_classes_are_recommended_for_and_what_does_not_fit_is_noted(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 5, "b": 5, "c": 5})
    request = Request(baselines="pixels", episodes=10, shots=[3, 5])
    made = recommend(place, tmp_path / "out", request=request)
    assert list(made.promised) == [3]
    assert any(note.startswith("nothing is said of 5 pictures") for note in made.notes)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_minutes_are_checked_before_anything_is_read(tmp_path: Path, minutes: float):
    with pytest.raises(UserError, match=r"--minutes .* is out of bounds"):
        recommend(tmp_path / "missing", tmp_path / "out", minutes=minutes)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_methods_that_train_are_asked_if_that_is_wanted(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 13, "b": 13, "c": 13, "d": 13})
    request = Request(baselines="pixels", episodes=10, shots=1, preset="scratch", budget=32)
    made = recommend(place, tmp_path / "out", request=request, train=True)
    left_out = [note for note in made.notes if " is left out: " in note]
    assert "protonet" in set(made.table["method"]), left_out


def test_the_fewest_pictures_there_can_be(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 2, "b": 2, "c": 2})
    made = recommend(place, tmp_path / "out", request=Request(baselines="pixels", episodes=10))
    assert list(made.promised) == [1]
    rough = "the smallest class leaves 1 picture of each new class to ask about in an episode"
    assert any(note.startswith(rough) for note in made.notes)


def test_one_split_is_told(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 8, "c": 12, "d": 9})
    made = recommend(place, tmp_path / "out", request=PIXELS, minutes=1e-6)
    assert "1 of 6 splits were run" in made.notes[0]
    assert "and 2 of them in every split that was run" in made.paragraph


def test_growth_is_that_of_the_promise(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 8, "c": 12})
    made = recommend(place, tmp_path / "out", request=PIXELS)
    gain = 100 * (made.promised[3].mean - made.promised[1].mean)
    assert f"{gain:+.1f} points from 1 to 3" in made.paragraph


def test_options_that_a_method_is_applied_with_are_kept(tmp_path: Path):
    place = stripes(tmp_path / "own", {"a": 9, "b": 8, "c": 12})
    request = Request(baselines="pixels", episodes=10, fit="pad")
    recommend(place, tmp_path / "out", request=request)
    assert read_options(tmp_path / "out") == {"--fit": "pad"}


def test_pictures_must_be_named(tmp_path: Path):
    with pytest.raises(UserError, match="name their folder or archive with --data"):
        recommend(out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
