"""Paired differences, verdicts, ranks, all splits, published figures, recall and confusion."""

import dataclasses
import io
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import QUICK, SMALL, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("finished")
    run(
        place / "out",
        [plugin("levels")],
        baselines=["levels", "pixels", "untrained"],
        episodes=2000,
    )
    return place / "out"


def test_compare(finished: Path, bench):
    frame = api.compare(finished, "pixels")
    assert set(frame["baseline"]) == {"levels", "untrained"}
    assert len(frame) == 4
    board = pd.read_csv(finished / "leaderboard.csv").set_index(["baseline", "shots"])["accuracy"]
    for row in frame.to_dict("records"):
        expected = board[row["baseline"], row["shots"]] - board["pixels", row["shots"]]
        assert row["difference"] == pytest.approx(expected, abs=1e-6)
        assert row["ci95_low"] < row["difference"] < row["ci95_high"]
        assert row["p_holm"] >= row["p"]
    assert (frame[frame["baseline"] == "untrained"]["verdict"] == "better").all()
    for form, read in [
        ("csv", lambda text: pd.read_csv(io.StringIO(text))),
        ("json", lambda text: pd.DataFrame(json.loads(text))),
    ]:
        status, out, _ = bench(
            "compare", "--reference", "pixels", "--out", finished, "--format", form
        )
        assert status == 0
        assert read(out)["verdict"].tolist() == frame["verdict"].tolist()
    status, out, _ = bench("compare", "--reference", "pixels", "--out", finished, "--format", "md")
    assert sum(line.startswith("|") for line in out.splitlines()) == 2 + len(frame)
    status, out, _ = bench("compare", "--reference", "pixels", "--out", finished)
    assert "better" in out
    assert "tested by what leaving out each test image does" in " ".join(out.split())
    assert "Holm over 4 differences" in " ".join(out.split())


def test_a_run_shows_the_differences_to_its_reference(tmp_path: Path, bench):
    words = ("run", *TINY, "--baselines", "pixels,untrained", "--out", tmp_path)
    status, out, err = bench(*words, "--reference", "pixels")
    assert status == 0, err
    assert "against pixels" in out
    assert "did you mean 'pixels'" in bench(*words, "--reference", "pixel")[2]


def test_compare_refuses(finished: Path, bench):
    for words, expected in [
        (("--reference", "pixel"), "did you mean 'pixels'"),
        (("--reference", "pixels", "--margin", "0"), "--margin 0.0 is out of bounds"),
        (("--reference", "pixels", "--format", "xml"), "allowed: table, csv, md, latex, json"),
    ]:
        status, _, err = bench("compare", "--out", finished, *words)
        assert (status, err.count("\n")) == (2, 1)
        assert expected in err


def test_rank_is_one_plus_the_number_of_significantly_better(finished: Path):
    board = pd.read_csv(finished / "leaderboard.csv")
    frames = {name: api.compare(finished, name) for name in ("levels", "pixels", "untrained")}
    for row in board.to_dict("records"):
        others = frames[row["baseline"]]
        others = others[others["shots"] == row["shots"]]
        certain = others[(others["p"] < 1e-4) & (others["difference"] > 0)]
        possible = others[(others["p"] < 0.05) & (others["difference"] > 0)]
        assert 1 + len(certain) <= row["rank"] <= 1 + len(possible)


def test_a_slow_baseline_is_compared_on_the_episodes_that_both_answered(tmp_path: Path):
    rule = '    rule = "mean_cosine"\n'
    hasty = f"{rule}    max_episodes = 50\n"
    slow = copied("levels", tmp_path / "hasty.py", {rule: hasty})
    run(tmp_path / "out", [slow], baselines=["hasty", "pixels"], shots=[1])
    assert api.compare(tmp_path / "out", "pixels")["episodes"].tolist() == [32]


def test_runs_at_different_times_and_lengths_are_one_table(tmp_path: Path, bench):
    """More seeds, other shots and more episodes into the same folder: one row for one thing, and no row counted twice."""
    run(tmp_path / "out", baselines=["pixels", "untrained"], seeds=2)
    run(tmp_path / "out", baselines=["untrained"], shots=[1], seeds=3)
    table = api.leaderboard(tmp_path / "out")
    assert table[table["baseline"] == "untrained"].set_index("shots")["seeds"].to_dict() == {
        1: 3,
        3: 2,
    }
    outcome = run(tmp_path / "out", baselines=["pixels", "untrained"], episodes=200)
    assert len(outcome.table) == 4
    assert api.leaderboard(tmp_path / "out")["rank"].max() == 2
    names = set(api.compare(tmp_path / "out", "pixels")["baseline"])
    assert names == {"untrained", "untrained[episodes=60]"}
    assert bench("show", "--out", tmp_path / "out")[0] == 0


def test_any_row_can_be_the_reference_and_a_name_for_several_is_none(tmp_path: Path):
    chosen = {"baselines": ["untrained", "pixels"], "shots": [1]}
    run(tmp_path, **chosen)
    run(tmp_path, **chosen, encoder="shufflenet_v2_x0_5")
    small = "untrained[encoder=shufflenet_v2_x0_5]"
    large = "untrained[encoder=resnet18]"
    assert set(api.compare(tmp_path, small)["baseline"]) == {large, "pixels"}
    frame = api.compare(tmp_path, "pixels")
    assert set(frame["baseline"]) == {large, small}
    assert set(frame["reference"]) == {"pixels"}
    with pytest.raises(UserError, match="'untrained' is there with several settings") as error:
        api.compare(tmp_path, "untrained")
    assert f"allowed: {large}, {small}" in str(error.value)


def test_a_record_is_not_reused_under_another_label(tmp_path: Path):
    run(tmp_path / "out", shots=[1], test_classes=["Cr", "PS", "Sc"])
    assert set(run(tmp_path / "out", shots=[1], splits="all").table["protocol"]) == {
        "steel-sim-splits"
    }
    assert run(tmp_path / "out", shots=[1], preset="paper").table["preset"].tolist() == ["paper"]


def test_show(finished: Path, bench):
    frame = api.confusion(finished, ["untrained"], [3])
    (record,) = [
        r
        for r in ResultsFolder(finished, write=False)
        if (r.baseline.name, r.shots) == ("untrained", 3)
    ]
    answer = ResultsFolder(finished, write=False).predictions_of(record)
    true = np.broadcast_to(answer.episodes.classes_TN[:, :, None], answer.predicted_TNQ.shape)
    for i, name in enumerate(("Crazing", "Scratches", "Pitted_Surface")):
        own = frame[(frame["class"] == name) & (frame["predicted"] == name)]
        assert own["share"].item() == pytest.approx((answer.predicted_TNQ[true == i] == i).mean())
    assert frame["count"].sum() == 2000 * 15
    status, out, _ = bench("show", "--out", finished, "--baselines", "untrained", "--shots", "3")
    assert status == 0
    assert out.count("worst") == 1
    assert "most often taken for" in out or "as Crazing" in out
    assert "did you mean 'pixels'" in bench("show", "--out", finished, "--baselines", "pixel")[2]
    assert (
        "unknown shot value of the results '9'"
        in bench("show", "--out", finished, "--shots", "9")[2]
    )


def test_all_splits(tmp_path: Path, bench):
    few = (
        *words_of(
            "--set steel-sim.per_class=20 --set steel-sim.side=32 --queries 5 --episodes 30 --shots 1"
        ),
    )
    words = ("run", *few, "--splits", "all", "--baselines", "pixels", "--out", tmp_path)
    status, out, err = bench(*words)
    assert status == 0, err
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert board["test_classes"].nunique() == 20
    assert all(
        set(row.train_classes.split(" | ")).isdisjoint(row.test_classes.split(" | "))
        for row in board.itertuples()
    )
    (summary,) = pd.read_csv(tmp_path / "splits.csv").to_dict("records")
    assert summary["accuracy"] == pytest.approx(board["accuracy"].mean(), abs=1e-6)
    assert summary["sd"] == pytest.approx(board["accuracy"].std(), abs=1e-6)
    assert summary["worst"] == pytest.approx(board["accuracy"].min(), abs=1e-6)
    assert "20 of 20" in out
    next((tmp_path / "records").rglob("*.json")).unlink()
    assert "missing" in bench("leaderboard", "--out", tmp_path)[1]
    assert pd.read_csv(tmp_path / "splits.csv")["accuracy"].isna().all()
    assert bench(*words)[0] == 0  # only what is missing runs
    assert pd.read_csv(tmp_path / "splits.csv")["accuracy"].item() == pytest.approx(
        summary["accuracy"]
    )
    assert "allowed: all" in bench(*words[:-4], "--splits", "some", *words[-4:])[2]


def test_published_figures_stand_beside_ours_and_are_not_ranked(tmp_path: Path, bench):
    path = plugin("printed")
    outcome = run(tmp_path / "out", [path], baselines=["printed", "pixels"], settings=SMALL)
    rows = outcome.table.set_index(["baseline", "shots"])
    assert rows.loc[("printed", 1), "published"] == 0.99
    assert rows["published"].notna().sum() == 1
    assert len(rows) == 4
    shown = " ".join(bench("leaderboard", "--out", tmp_path / "out")[1].split())
    assert "Published for printed, not ranked: 99.00 at 1-shot (on another moon)" in shown


def test_every_table_takes_all_trainings_of_the_folder(tmp_path: Path):
    """3 seeds of one method and 2 of another: the run, the comparison and the leaderboard agree."""
    chosen = {"baselines": ["untrained", "pixels"], "shots": [1]}
    run(tmp_path, **chosen, seeds=3)
    two = api.run(
        dataclasses.replace(QUICK, **chosen, seeds=2), tmp_path, reference="pixels", plugins=[]
    )
    assert two.table.set_index("baseline")["seeds"]["untrained"] == 3
    shown = two.comparison
    compared = api.compare(tmp_path, "pixels")
    pd.testing.assert_frame_equal(shown, compared)
    assert (shown["seeds"].item(), shown["reference_seeds"].item()) == (3, 3)
    accuracy = two.table.set_index("baseline")["accuracy"]
    assert shown["difference"].item() == pytest.approx(accuracy["untrained"] - accuracy["pixels"])


def test_few_images_of_a_class_are_noted(tmp_path: Path):
    small = SMALL | {"steel-sim.per_class": "8"}
    table = run(tmp_path, settings=small, shots=[1, 5, 7], queries=1, episodes=200).table
    notes = table.set_index("shots")["note"]
    assert "steel-sim.per_class" not in notes[1]
    assert notes[1] == ""
    assert "on the safe side below 12" in notes[5]
    assert "Crazing has 8, Scratches has 8" in notes[5]
    assert "no interval at 7 shots below 9: Crazing has 8" in notes[7]
    without = table.set_index("shots").loc[7]
    assert np.isnan([without["ci95_low"], without["ci95_high"]]).all()
    assert without["ci95_kind"] == "too few images"


def test_ties_and_what_would_decide(finished: Path):
    board = pd.read_csv(finished / "leaderboard.csv")
    for _, part in board.groupby("shots"):
        rows = part.set_index("baseline")
        for first, second in itertools.combinations(rows.index, 2):
            frame = api.compare(finished, first).set_index(["baseline", "shots"])
            p = frame.loc[second, rows["shots"].iloc[0]]["p"]
            share = set(rows.loc[first, "ties"]) & set(rows.loc[second, "ties"])
            # Holm's p over all pairs of the ranking is between p and 6 p
            assert not (share and 6 * p <= 0.05)
            assert share or p <= 0.05
        leaders = part.sort_values("accuracy", ascending=False)
        is_tied = set(leaders["ties"].iloc[0]) & set(leaders["ties"].iloc[1])
        assert bool(is_tied) == isinstance(leaders["would_decide"].iloc[0], str)
