"""What notebooks call: paths as text, tables rebuilt from the records."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from fewshot_bench import api, progress_line
from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import UserError
from fewshot_bench.request import Request
from tests.helpers.plugin_files import copied
from tests.helpers.runs import QUICK, SMALL, run


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
    assert wide["1-shot"].str.fullmatch(r"0\.\d{4} \[0\.\d{4}, 0\.\d{4}\]").all()


def test_a_run_that_is_stopped_says_what_is_done(tmp_path: Path):
    """As Ctrl-C in a notebook, as soon as the second cell has its record."""
    seen: list[Progress] = []

    def stop_at_the_second(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "cell" and progress.done == 2:
            raise KeyboardInterrupt

    request = dataclasses.replace(QUICK, baselines=["pixels", "lbp"])
    with pytest.raises(api.Stopped) as stopped:
        api.run(request, tmp_path, reference="lbp", notify=stop_at_the_second)
    outcome = stopped.value.outcome
    assert outcome.records == [step.record for step in seen if step.record is not None]
    assert list(zip(outcome.table["baseline"], outcome.table["shots"], strict=True)) == [
        ("pixels", 1),
        ("pixels", 3),
    ]
    assert outcome.comparison is None
    assert all(file.is_file() for file in outcome.files)

    # the same command goes on from there
    again = api.run(request, tmp_path, reference="lbp")
    assert again.records[:2] == outcome.records
    assert len(again.table) == 4


def test_a_run_that_is_stopped_before_a_cell_is_done_gives_nothing(tmp_path: Path):
    def stop(progress: Progress) -> None:
        if progress.stage == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        api.run(QUICK, tmp_path, notify=stop)
    assert not isinstance(stopped.value, api.Stopped)
    assert not list(tmp_path.glob("*.csv"))


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


def test_a_request_is_written_as_on_the_command_line(tmp_path: Path):
    path = copied("by_rule", tmp_path / "plain.py")
    outcome = api.run(
        "steel-sim",
        tmp_path / "out",
        plugins=[path],
        shots="1,3",
        queries=5,
        episodes="40",
        baselines="plain,pixels",
        settings=SMALL,
        progress=False,
    )
    assert sorted(set(outcome.table["shots"])) == [1, 3]
    assert set(outcome.table["baseline"]) == {"plain", "pixels"}
    with pytest.raises(UserError, match="unknown option 'shot'; did you mean 'shots'"):
        api.run(shot=1)


def test_data_takes_a_path_or_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("dent", "stain"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(3):
            shade = 10 * number + len(name)
            Image.new("L", (16, 16), shade).save(tmp_path / "mine" / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    images = api.data("mine")
    assert images.class_names == ("dent", "stain")
    assert api.data(tmp_path / "mine").digest == images.digest
    assert len(api.data("mine", fit="pad")) == 6
    assert api.data("steel-sim", settings=SMALL).name == "steel-sim"
    with pytest.raises(UserError, match="unknown data set 'steelsim'; did you mean 'steel-sim'"):
        api.data("steelsim")
    with pytest.raises(UserError, match="nowhere does not exist"):
        api.data("nowhere/")


def test_the_folder_of_the_environment_is_searched(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWSHOT_BENCH_DATA", str(shared_data))
    assert api.data("neu").name == "neu"
    monkeypatch.delenv("FEWSHOT_BENCH_DATA")
    with pytest.raises(UserError, match="neu needs its data"):
        api.data("neu")


def test_a_margin_is_in_points_as_on_the_command_line(tmp_path: Path):
    run(tmp_path, baselines=["pixels", "lbp"])
    table = api.compare(tmp_path, "pixels", margin=50)
    assert set(table["margin"]) == {0.5}
    assert api.compare(tmp_path, "pixels")["margin"].tolist() == [0.005] * len(table)
    for margin in (0, 100, float("nan")):
        with pytest.raises(UserError, match=r"out of bounds .* less than 100 points"):
            api.compare(tmp_path, "pixels", margin=margin)


def test_progress_is_shown_unless_it_is_turned_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress_line, "DELAY", 0.0)
    request = dataclasses.replace(QUICK, baselines="pixels")
    api.run(request, tmp_path / "shown")
    assert "2 of 2 cells, 0:0" in capsys.readouterr().err
    api.run(request, tmp_path / "silent", progress=False)
    api.run(request, tmp_path / "told", notify=lambda progress: None)
    assert capsys.readouterr().err == ""
