"""Names that every file system takes, and records under the names of older versions."""

from pathlib import Path

import pytest

from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import LONGEST, ResultPaths, portable_name
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("neu+xsdd", "neu+xsdd"),
        ("frozen_2-b.c", "frozen_2-b.c"),
        ("Kratzer größer", "Kratzer größer"),
        ("easyfsl:SimpleShot", "easyfsl%3ASimpleShot"),
        ('a<b>c:d"e|f?g*h\\i/j', "a%3Cb%3Ec%3Ad%22e%7Cf%3Fg%2Ah%5Ci%2Fj"),
        ("tab\there", "tab%09here"),
        ("ends.", "ends%2E"),
        ("ends ", "ends%20"),
        (" begins", "%20begins"),
        ("..", ".%2E"),
        ("CON", "%43ON"),
        ("nul.txt", "%6Eul.txt"),
        ("Lpt1", "%4Cpt1"),
        ("console", "console"),
        ("non", "non"),
        ("com10", "com10"),
        ("a\u0308", "\u00e4"),
    ],
)
def test_names_that_every_file_system_takes(name: str, expected: str):
    assert portable_name(name) == expected
    assert portable_name(expected) == expected


def test_long_names_are_cut_and_stay_apart():
    names = ["x" * 300, "x" * 301, "ä" * 150, "?" * 90]
    cut = [portable_name(name) for name in names]
    assert len(set(cut)) == len(cut)
    for name in cut:
        assert len(name.encode()) <= LONGEST
        assert portable_name(name) == name


def moved_to_old_names(out: Path) -> Path:
    """What an older version would have written: the folder of the method has its colon."""
    (folder,) = out.glob("records/*/made_family%3Aseven")
    return folder.rename(folder.with_name("made_family:seven"))


def test_records_under_old_names_are_read_and_stay(tmp_path: Path):
    plugins = [plugin("made_family")]
    asked: dict[str, object] = {"baselines": ["made_family:seven", "pixels"], "shots": [1]}
    first = run(tmp_path, plugins, **asked)
    table = (tmp_path / "leaderboard.csv").read_bytes()
    assert not list(tmp_path.rglob("*:*"))
    old = moved_to_old_names(tmp_path)
    (json_file,) = old.glob("*.json")
    before = json_file.read_bytes()
    stem = next(one.stem for one in first.records if one.baseline.name != "pixels")
    again = run(tmp_path, plugins, **asked)
    assert again.records == first.records
    assert (tmp_path / "leaderboard.csv").read_bytes() == table
    assert json_file.read_bytes() == before
    results = ResultsFolder(tmp_path)
    assert results.paths.record(stem) == json_file
    # another shot value goes to the new name, and both are in one table
    more = run(tmp_path, plugins, **{**asked, "shots": [1, 3]})
    assert len(list(tmp_path.glob("records/*/made_family%3Aseven/*.json"))) == 1
    assert len(results.predictions()) == len(more.records) == 4
    results.remove(stem)
    assert not list(old.iterdir())


def test_a_file_system_may_see_no_case(tmp_path: Path):
    paths = ResultPaths(tmp_path)
    place = paths.records / "NEU" / "easyfsl:TIM" / "3way-1shot-seed0-00.json"
    assert paths.is_place_of(place, "neu/easyfsl%3ATIM/3way-1shot-seed0-00")
    assert not paths.is_place_of(place, "neu/easyfsl%3ATIM/3way-1shot-seed0-01")
    assert not paths.is_place_of(place, "neu/easyfsl%3APTMAP/3way-1shot-seed0-00")
