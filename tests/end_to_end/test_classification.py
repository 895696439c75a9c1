"""Classification protocols: splits drawn by run, decisions by head or references, and tables over runs."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fewshot_bench.plugins.episodes.mixedwm38 import CLASSES, GROUPS

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.rows import Row, paired, rows_of
from fewshot_bench.planning.presets import PRESETS
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.request import Request
from tests.helpers.files import npz, wafer_arrays
from tests.helpers.plugin_files import BY_RULE, plugin

SMALL = {"steel-sim.per_class": "20", "steel-sim.side": "32", "steel-sim.version": "1"}


QUICK = Request(
    train_per_class=[4, 8],
    runs=3,
    baselines=["pixels"],
    settings=SMALL,
    preset="scratch",
    device="cpu",
)


def run(out: Path, plugins: list[Path] | None = None, **changes: object) -> api.Outcome:
    return api.run(dataclasses.replace(QUICK, **changes), out, plugins=plugins or [])  # type: ignore[arg-type]


def test_each_rule_answers_a_run_alike(tmp_path: Path):
    outcome = run(tmp_path / "out", BY_RULE, baselines=[path.stem for path in BY_RULE], runs=1)
    assert not outcome.failed
    records = ResultsFolder(tmp_path / "out")
    for size in (4, 8):
        found = [
            records.predictions_of(record)
            for record in outcome.records
            if record.train_size == size
        ]
        assert {answer.record.baseline.rule for answer in found} == {
            "mean_cosine",
            "pair",
            "classify",
            "predict",
        }
        for answer in found[1:]:
            assert (answer.predicted_TNQ == found[0].predicted_TNQ).mean() > 0.99
    assert not list((tmp_path / "out").glob("embeddings/*"))  # a run is asked one question


def test_a_closed_set_head_decides_where_the_classes_were_trained_on(tmp_path: Path):
    names = ["rule_and_head", "head"]
    paths = [plugin(name) for name in names]
    outcome = run(tmp_path / "out", paths, baselines=names, runs=1, train_per_class=[4])
    assert outcome.table["rule"].tolist() == ["classifier", "classifier"]
    data = outcome.data
    expected = np.array([image.max() % 6 for image in data.images])
    for record in outcome.records:
        answer = ResultsFolder(tmp_path / "out").predictions_of(record)
        assert np.array_equal(answer.predicted_TNQ, expected[answer.episodes.query_TNQ])
    few = {"train_per_class": None, "runs": None, "episodes": 20, "shots": [1]}
    assert run(tmp_path / "few", paths[:1], baselines=names[:1], **few).table["rule"].tolist() == [
        "mean_cosine"
    ]
    with pytest.raises(UserError, match="cannot answer episodes"):
        run(tmp_path / "few", paths[1:], baselines=names[1:], **few)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("narrow", "over 6 classes came as"),
        ("not_finite", "the score of an image is not finite"),
        ("of_the_batch", "depends on the others"),
    ],
)
def test_a_head_that_goes_wrong_is_named(tmp_path: Path, name: str, reason: str):
    path = plugin(f"heads/{name}")
    outcome = run(tmp_path / "out", [path], baselines=[name], runs=1, train_per_class=[4])
    assert [reason in record.reason for record in outcome.records] == [True]
    assert outcome.table["rank"].isna().all()


def test_a_run_trains_on_its_own_images_and_adding_runs_keeps_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FITS_LOG", str(tmp_path / "fits"))
    path = plugin("counted")
    first = run(tmp_path / "out", [path], baselines=["counted"], runs=2)
    second = run(tmp_path / "out", [path], baselines=["counted"], runs=3, train_per_class=[8, 4])
    lines = [line.split() for line in (tmp_path / "fits").read_text().splitlines()]
    assert sorted(int(size) for size, *_ in lines) == [24, 24, 24, 48, 48, 48]
    assert {classes for _, classes, _ in lines} == {"6"}
    assert len({digest for *_, digest in lines}) == 6
    assert {record.key for record in first.records} < {record.key for record in second.records}
    assert second.table["seeds"].tolist() == [3, 3]
    assert (second.table["protocol"] == "steel-sim-small").all()


def test_baselines_are_compared_on_the_runs_that_both_have(tmp_path: Path):
    run(tmp_path / "out", runs=3, train_per_class=[4])
    run(tmp_path / "out", runs=2, train_per_class=[4], baselines=["untrained"])
    table = api.compare(tmp_path / "out", "pixels")
    assert table[["seeds", "kind"]].to_numpy().tolist() == [[2, "images+runs"]]
    records = ResultsFolder(tmp_path / "out", write=False)
    found = rows_of([records.predictions_of(record) for record in records]).values()
    pixels, untrained = sorted(found, key=lambda entry: entry.name)
    both = paired(pixels, untrained)
    assert both is not None
    assert [len(correct.design.classes_TN) for correct in both] == [2, 2]
    assert table["difference"].item() == pytest.approx(
        untrained.estimate().accuracy - Row("pixels", pixels.predictions[:2]).estimate().accuracy
    )


def test_tables_of_a_classification_protocol(tmp_path: Path, bench):
    outcome = run(
        tmp_path / "out",
        baselines=["pixels", "resnet"],
        budget=None,
        settings={**SMALL, "resnet.passes": "32"},
        runs=2,
    )
    assert outcome.table["rule"].tolist() == ["mean_cosine", "classifier"] * 2 or set(
        outcome.table["rule"]
    ) == {
        "mean_cosine",
        "classifier",
    }
    wide = pd.read_csv(tmp_path / "out" / "leaderboard-wide.csv")
    assert wide[["4 a class", "8 a class"]].notna().all().all()
    assert len(wide) == 2
    recalls = pd.read_csv(tmp_path / "out" / "recalls.csv")
    part = recalls[(recalls["baseline"] == "pixels") & (recalls["train_size"] == 4)].set_index(
        "class"
    )["recall"]
    row = outcome.table[
        (outcome.table["baseline"] == "pixels") & (outcome.table["train_size"] == 4)
    ]
    assert part["all images"] == pytest.approx(row["accuracy"].item(), abs=1e-6)
    assert part["mean of classes"] == pytest.approx(row["macro_recall"].item(), abs=1e-6)
    assert part.iloc[:6].mean() == pytest.approx(part["mean of classes"], abs=1e-6)
    before = {file.name: file.read_bytes() for file in outcome.files}
    _, files = api.rebuild(tmp_path / "out")
    assert {file.name: file.read_bytes() for file in files} == before
    shown = bench("leaderboard", "--out", tmp_path / "out")[1]
    assert "macro: mean recall of the classes" in " ".join(shown.split())
    assert "mean of classes" in bench("show", "--out", tmp_path / "out")[1]


def test_a_budget_that_follows_the_train_size_does_not_part_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    short = dataclasses.replace(
        PRESETS["scratch"], image_size=32, passes=lambda images, views: images
    )
    monkeypatch.setitem(PRESETS, "scratch", short)
    run(tmp_path / "out", baselines=["resnet"], runs=1)
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert table["images_passed"].nunique() == 2
    assert table["settings"].nunique() == 1
    assert len(pd.read_csv(tmp_path / "out" / "leaderboard-wide.csv")) == 1


def test_a_single_run_warns_of_what_its_interval_leaves_out(tmp_path: Path):
    notes = run(tmp_path / "out", runs=1).table["note"]
    assert notes.str.contains("leaves out what other train images would change").all()
    assert (run(tmp_path / "out", runs=2).table["note"] == "").all()


def test_a_run_that_failed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNLUCKY_FILES", ",".join(_first_files(tmp_path, [1])))
    outcome = run(tmp_path / "out", [plugin("unlucky")], baselines=["unlucky"], train_per_class=[4])
    assert outcome.table["seeds"].tolist() == [2]
    assert outcome.table["note"].tolist() == ["1 of its 3 trainings gave no result"]


def _first_files(tmp_path: Path, runs: list[int]) -> list[str]:
    """The first train file of these runs."""
    outcome = run(tmp_path / "probe", train_per_class=[4])
    protocol = next(record.protocol for record in outcome.records)
    assert isinstance(protocol, Classification)
    return [outcome.data.files[protocol.split(outcome.data, 4, number).train[0]] for number in runs]


def test_a_subset_never_bears_the_name_of_the_published_protocol(tmp_path: Path):
    data = npz(tmp_path / "maps.npz", wafer_arrays())
    asked = Request(
        protocol="mixedwm38-classify", data=data, runs=1, baselines=["pixels"], train_fraction=[0.6]
    )
    outcome = api.run(asked, tmp_path / "out")
    assert outcome.table["protocol"].tolist() == ["mixedwm38-subset-classify"]
    assert outcome.table["published"].isna().all()
    recalls = api.recalls(tmp_path / "out")
    assert set(recalls["baseline"]) == {"pixels"}
    assert recalls["class"].tolist() == [
        *CLASSES,
        *(name for name, _ in GROUPS),
        "mean of classes",
        "all images",
    ]


def test_published_figures_stand_beside_the_whole_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fewshot_bench.plugins.episodes.mixedwm38.MAPS", 114)
    content = wafer_arrays()
    content["arr_0"] = content["arr_0"][
        ::-1
    ]  # as no other test reads, so that none has it in the cache
    data = npz(tmp_path / "maps.npz", content)
    outcome = api.run(
        Request(
            protocol="mixedwm38-classify",
            data=data,
            runs=1,
            baselines=["pixels", "dc_net", "wscn"],
            train_fraction=[0.8],
            settings={"wscn.enlarged": "16"},
            budget=64,
        ),
        tmp_path / "out",
    )
    table = outcome.table.set_index("baseline")
    assert set(table["protocol"]) == {"mixedwm38-classify"}
    # the mean of its classes is what the paper calls its accuracy
    assert table.loc["dc_net", "published"] == pytest.approx(0.932)
    assert table["published"].isna().tolist() == (table.index == "pixels").tolist()
    recalls = api.recalls(tmp_path / "out").set_index(["baseline", "class"])["recall"]
    assert recalls.index.is_unique
    assert recalls["DC-Net as published", "3 defects"] == pytest.approx(0.8990)
    assert recalls["WSCN as published", "C+ER+S"] == 1.0
    assert recalls["WSCN as published", "mean of classes"] == pytest.approx(0.982)
    assert "SCL+AMP (proposed) as published" not in recalls.index  # it did not run
    assert {("pixels", "4 defects"), ("dc_net", "4 defects")} <= set(recalls.index)


MISTAKES = {
    "two ways to size": (["--train-fraction", "0.5", "--train-per-class", "5"], "leave one out"),
    "share out of bounds": (["--train-fraction", "1.5"], "--train-fraction 1.5 is out of bounds"),
    "share unreadable": (["--train-fraction", "half"], "--train-fraction 'half' cannot be read"),
    "no train image": (["--train-per-class", "0"], "train_sizes=(0,) is out of bounds"),
    "twice": (["--train-per-class", "5,5"], "different whole numbers"),
    "more than there are": (["--train-per-class", "20"], "does not fit a class of 20 images"),
    "no run": (
        ["--train-per-class", "5", "--runs", "0"],
        "runs=0 is out of bounds (allowed: 1 to 1000)",
    ),
    "too many test images": (
        ["--train-per-class", "5", "--test-images", "200"],
        "does not fit a class of 20 images",
    ),
    "test images unreadable": (
        ["--train-per-class", "5", "--test-images", "few"],
        "a share such as 0.2, or all",
    ),
    "runs alone": (["--runs", "3"], "give --train-per-class or --train-fraction"),
    "shots": (
        ["--protocol", "steel-sim-small", "--shots", "1"],
        "--shots is for few-shot protocols",
    ),
    "seeds": (["--protocol", "steel-sim-small", "--seeds", "2"], "say --runs"),
    "runs of few shots": (
        ["--protocol", "steel-sim-heldout", "--runs", "3"],
        "--runs is for classification protocols",
    ),
    "unknown protocol": (["--protocol", "steel-sim-smal"], "did you mean 'steel-sim-small'"),
    "of another data set": (
        ["--dataset", "steel-sim", "--protocol", "neu-small"],
        "protocol of steel-sim 'neu-small'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_line_and_status_2(bench, tmp_path: Path, mistake: str):
    words, expected = MISTAKES[mistake]
    sets = ("--set", "steel-sim.per_class=20", "--set", "steel-sim.side=32")
    status, out, err = bench(
        "run", "--baselines", "pixels", *sets, "--out", tmp_path / "out", *words
    )
    assert status == 2, out + err
    assert expected in err
    assert err.count("\n") == 1


def test_the_protocol_finds_its_data_set(bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FEWSHOT_BENCH_DATA", raising=False)
    status, _, err = bench("run", "--protocol", "neu-small", "--out", tmp_path / "out")
    assert status == 2
    assert "neu needs its data" in err


def test_neu_small_on_the_real_pictures(shared_data: Path, tmp_path: Path):
    asked = Request(
        protocol="neu-small",
        data=shared_data / "NEU-CLS.zip",
        train_per_class=[10, 20],
        runs=2,
        baselines=["pixels"],
    )
    outcome = api.run(dataclasses.replace(asked, test_images=180), tmp_path / "out")
    assert outcome.table["queries"].tolist() == ["180", "180"]
    outcome = api.run(asked, tmp_path / "out")
    assert outcome.table["queries"].tolist() == ["all", "all"]
    assert outcome.table["accuracy"].between(0.2, 0.9).all()
    answer = ResultsFolder(tmp_path / "out").predictions_of(outcome.records[0])
    assert answer.episodes.is_query_TNQ.sum() == 1799 - 60
