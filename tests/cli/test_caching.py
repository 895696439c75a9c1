"""`bench cache` shows where the cache is, how large it is and what is in it, and clears it."""

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import SHORT, SMALL_IMAGES
from tests.helpers.files import image_folder

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_what_runs_kept_is_shown_and_cleared(bench, tmp_path: Path):
    status, out, _ = bench("cache")
    assert (status, out.count("\n")) == (0, 1)
    assert f"{tmp_path / 'cache'}: 0 B of at most 10.0 GB ($FEWSHOT_BENCH_CACHE_SIZE)" in out
    bench("data", image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]}))
    bench("run", *SMALL_IMAGES, *SHORT, "--out", tmp_path / "out")
    rows = json.loads(bench("cache", "--json")[1])
    assert [(row["kind"], row["dataset"], row["images"]) for row in rows] == [
        ("images", "folder", 4),
        ("images", "steel-sim", 120),
        ("features", "steel-sim", None),
    ]
    status, out, _ = bench("cache")
    assert "steel-sim" in out
    assert bench("cache", "--clear", "--older-than", "1")[1].endswith("removed 0 B\n")
    assert "removed" in bench("cache", "--clear")[1]
    assert json.loads(bench("cache", "--json")[1]) == []


def test_an_age_is_for_clearing(bench):
    status, _, err = bench("cache", "--older-than", "3")
    assert (status, err.count("\n")) == (2, 1)
    assert "--older-than 3 needs --clear" in err


def test_a_bound_that_cannot_be_read_is_one_line(bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "some")
    for words in (("cache",), ("data", "--dataset", "steel-sim")):
        status, _, err = bench(*words)
        assert (status, err.count("\n")) == (2, 1)
        assert "$FEWSHOT_BENCH_CACHE_SIZE 'some' is no size" in err
