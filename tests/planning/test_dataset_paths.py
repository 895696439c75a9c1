"""Each of several data sets is found in one folder, or at a path of its own."""

from pathlib import Path

import pytest

from fewshot_bench import Request, UserError
from fewshot_bench.planning.dataset_choice import chosen_dataset
from fewshot_bench.planning.dataset_paths import dataset_paths
from fewshot_bench.registry.registry import Registry


def paths(dataset: str, **request: Path | str) -> list[Path | None]:
    asked = Request(dataset=dataset, **request)  # type: ignore[arg-type]
    return dataset_paths(asked, chosen_dataset(asked, Registry()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("NEU-DET.zip", "X-SDD.zip"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_holds_all_of_them(folder: Path):
    expected = [folder / "X-SDD.zip", folder / "NEU-DET.zip"]
    assert paths("xsdd+neu", data=folder) == expected
    assert paths("xsdd+neu", data_folder=folder) == expected


def test_each_has_a_path_in_the_order_of_the_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert paths("neu+folder+xsdd", data="a.zip+own pictures/ + ~/b") == [
        Path("a.zip"),
        Path("own pictures"),
        Path("/home/someone/b"),
    ]


def test_a_path_may_hold_a_plus(folder: Path):
    place = folder / "p+q"
    place.mkdir()
    own = place / "X-SDD.zip"
    own.touch()
    neu = folder / "NEU-DET.zip"
    assert paths("neu+xsdd", data=f"{neu}+{own}") == [neu, own]


@pytest.mark.parametrize("name", ["neu+", "+neu", "neu++xsdd"])
def test_a_missing_name_is_told(name: str, folder: Path):
    with pytest.raises(UserError, match="has no name beside"):
        paths(name, data=folder)


def test_a_generated_one_has_no_path(folder: Path):
    assert paths("steel-sim+folder", data=folder) == [None, folder]
    assert paths("steel-sim+wafer-sim") == [None, None]
    assert paths("neu+steel-sim+xsdd", data="a+b") == [Path("a"), None, Path("b")]


@pytest.mark.parametrize(
    ("dataset", "data", "message"),
    [
        ("neu+xsdd", "a.zip", "--data a.zip is 1 path, and neu+xsdd reads 2 data sets"),
        ("neu+xsdd", "a+b+c", "is 3 paths"),
        ("neu+xsdd", "a+", "is 2 paths"),
        ("steel-sim+wafer-sim", "a", "reads no data, but --data a was given; leave it out"),
        ("neu+xsdd", "", "has none of NEU-CLS.zip, NEU-CLS, NEU-DET.zip, NEU-DET; name a path"),
        ("folder+neu", "", "needs the data of folder, which has no name of its own in"),
    ],
)
def test_paths_that_do_not_fit_are_told(dataset: str, data: str, message: str, tmp_path: Path):
    with pytest.raises(UserError) as error:
        paths(dataset, data=data or tmp_path)
    assert message in str(error.value)


def test_without_any_path_the_order_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FEWSHOT_BENCH_DATA", raising=False)
    with pytest.raises(UserError, match=r"no path is named; name a path for each.*--data NEU\+X"):
        paths("neu+xsdd")
