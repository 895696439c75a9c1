"""Semi-supervised runs: from the option to the record, the table, and who sees which pictures."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.planning.plan import Plan, make_plan
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.tensors import load_tensors
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import QUICK, SMALL

FEW_SHOT = dataclasses.replace(QUICK, shots=[1])
CLASSIFICATION = Request(
    train_per_class=[8],
    runs=1,
    settings=SMALL,
    preset="scratch",
    device="cpu",
)
SEEING = plugin("semi_supervised")


def inductive(folder: Path) -> Path:
    """The same method, but for what it says that it looks at."""
    return copied(
        "semi_supervised",
        folder / "inductive.py",
        {'    sees = frozenset({"unlabelled"})\n': ""},
    )


def planned(request: Request, plugins: list[Path]) -> Plan:
    names = [path.stem for path in plugins]
    return make_plan(dataclasses.replace(request, baselines=names), Registry(plugins))


@pytest.mark.parametrize("request_made", [FEW_SHOT, CLASSIFICATION], ids=["few-shot", "classes"])
def test_only_who_says_so_is_handed_the_pictures_without_labels(
    request_made: Request, tmp_path: Path
):
    plugins = [SEEING, inductive(tmp_path)]
    request = dataclasses.replace(
        request_made, unlabelled=0.25, baselines=[path.stem for path in plugins]
    )
    outcome = api.run(request, tmp_path / "out", plugins=plugins)
    plan = planned(request, plugins)
    handed = {}
    for training in plan.trainings:
        stored = load_tensors(ResultPaths(tmp_path / "out").checkpoint(training.key))
        assert stored is not None
        handed[training.name] = stored[0]
        split = training.split
        expected = plan.data.images[split.train]
        assert np.array_equal(handed[training.name]["labelled"].numpy(), expected)
    assert len(handed["inductive"]["unlabelled"]) == 0
    seen = handed["semi_supervised"]["unlabelled"].numpy()
    assert np.array_equal(seen, plan.data.images[split.unlabelled])
    assert len(seen) > 0
    assert not set(split.unlabelled) & set(split.embedded)
    assert not outcome.failed
    (note,) = [note for note in outcome.notes if "have no label" in note]
    assert f"{len(seen)} of {len(seen) + len(split.train)} train images" in note
    assert "semi_supervised alone may look at them" in note


def test_trainings_are_shared_where_they_see_the_same(tmp_path: Path):
    """The key of a method that does not look at them hangs on the labelled images alone."""
    keys = {}
    for seed in (0, 1):
        request = dataclasses.replace(FEW_SHOT, unlabelled=0.25)
        plan = planned(request, [SEEING, inductive(tmp_path)])
        for training in plan.trainings:
            split = training.split
            other = dataclasses.replace(split, unlabelled=split.unlabelled[seed:])
            changed = dataclasses.replace(training, split=other)
            keys[training.name, seed] = changed.key
    assert keys["inductive", 0] == keys["inductive", 1]
    assert keys["semi_supervised", 0] != keys["semi_supervised", 1]
    with_all = planned(FEW_SHOT, [SEEING, inductive(tmp_path)])
    for training in with_all.trainings:
        assert training.key != keys[training.name, 0]


@pytest.mark.parametrize("request_made", [FEW_SHOT, CLASSIFICATION], ids=["few-shot", "classes"])
def test_rows_with_fewer_labels_are_not_ranked_with_others(
    bench, request_made: Request, tmp_path: Path
):
    request = dataclasses.replace(request_made, baselines=["pixels"])
    api.run(request, tmp_path)
    fewer = dataclasses.replace(request, unlabelled=0.5)
    api.run(fewer, tmp_path)
    table = pd.read_csv(tmp_path / "leaderboard.csv", keep_default_na=False)
    assert sorted(table["unlabelled"]) == ["", "0.5"]
    assert table["rank"].tolist() == [1, 1]
    assert len(set(table["key"])) == 2
    shares = []
    for path in sorted((tmp_path / "records").rglob("*.json")):
        shares.append(json.loads(path.read_text())["protocol"].get("unlabelled"))
    assert sorted(map(str, shares)) == ["0.5", "None"]
    status, shown, _ = bench("leaderboard", "--out", tmp_path)
    assert status == 0
    assert " ".join(shown.split()).count("50 % of the train images without labels") == 1
    # and again: what is on disk is read, and nothing runs anew
    again = api.run(fewer, tmp_path)
    assert len(again.records) == 1


def test_no_figure_of_a_paper_stands_beside_a_run_with_fewer_labels():
    data = dataclasses.replace(CLASSIFICATION, baselines=["pixels"], unlabelled=0.5)
    plan = make_plan(data, Registry([]))
    assert [plan.published(cell.episode_set) for cell in plan.cells] == [()]


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.1", "nan", "0.999", "0.0001", "half"])
def test_shares_that_make_no_sense_are_one_line(bench, share: str, tmp_path: Path):
    status, _, err = bench(
        *("run", "--baselines", "pixels", "--unlabelled", share, "--out", tmp_path / "out")
    )
    assert status == 2
    assert err.startswith("error: --unlabelled")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
