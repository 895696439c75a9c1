"""What notebooks call: paths as text, tables rebuilt from the records."""

from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.request import Request
from tests.helpers.plugin_files import copied
from tests.helpers.runs import SMALL, run


def test_leaderboard_is_rebuilt_from_the_records_to_the_byte(tmp_path: Path):
    outcome = run(tmp_path / "out", baselines=["pixels", "untrained"])
    before = {file.name: file.read_bytes() for file in outcome.files}
    for file in outcome.files:
        file.unlink()
    table, files = api.rebuild(tmp_path / "out")
    assert {file.name: file.read_bytes() for file in files} == before
    assert len(table) == 4
    assert table["accuracy"].between(0, 1).all()
    assert set(table["rank"]) == {1, 2}
    wide = pd.read_csv(tmp_path / "out" / "leaderboard-wide.csv")
    assert wide["1-shot"].str.fullmatch(r"0\.\d{4} \+- 0\.\d{4}").all()


def test_paths_may_be_text_and_lists_single_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As one writes in a notebook."""
    monkeypatch.chdir(tmp_path)
    path = copied("by_rule", tmp_path / "plain.py")
    asked = Request(shots=1, queries=5, episodes=40, baselines="plain", settings=SMALL, data=None)
    outcome = api.run(asked, "out", plugins=[str(path)])
    assert outcome.table["baseline"].tolist() == ["plain"]
    assert api.leaderboard("out")["accuracy"].tolist() == outcome.table["accuracy"].tolist()
    assert api.compare("out", "plain").empty
    assert len(api.confusion("out")) == 9
    api.episodes(asked, "drawn.npz")
    again = Request(episodes_file="drawn.npz", baselines="plain", settings=SMALL)
    assert (
        api.run(again, "again", plugins=[str(path)]).table["accuracy"].tolist()
        == outcome.table["accuracy"].tolist()
    )
