"""What is counted from the records is what the leaderboard says of them, and what fails is left out."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench import Request, leaderboard
from fewshot_bench.advice.figures import Figures, figures
from fewshot_bench.advice.measure import Measured, measure
from fewshot_bench.advice.question import question
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from tests.helpers.textures import stripes

pytestmark = pytest.mark.usefixtures("empty_cache")
CLASSES = ("a", "b", "c")


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path / "out")


@pytest.fixture
def measured(tmp_path: Path, results: ResultsFolder) -> Measured:
    place = stripes(tmp_path / "own", {"a": 8, "b": 8, "c": 8}, noise=120)
    request = Request(data=place, baselines="pixels", shots=1, episodes=10)
    asked = question(request, Registry(), train=False)
    return measure(asked, Registry(), results, 1e9, on_progress=lambda step: None)


def counted(measured: Measured, results: ResultsFolder) -> Figures:
    return figures(measured.records, results, CLASSES, [8, 8, 8])


def test_recalls_are_those_of_the_leaderboard(measured: Measured, results: ResultsFolder):
    found = counted(measured, results)
    assert len(found.methods) == 18
    assert found.has_known
    assert found.is_new_SC.sum(1).tolist() == [2, 2, 2]
    table = leaderboard(results.out).set_index(["baseline", "test_classes"])
    for method, name in enumerate(found.methods):
        for split, records in enumerate(measured.records):
            held_out = " | ".join(records[0].protocol.test_classes)
            row = table.loc[(name, held_out)]
            new = np.nanmean(found.new_MKSC[method, 0, split])
            known = np.nanmean(found.known_MKSC[method, 0, split])
            assert new == pytest.approx(row["accuracy_new"], abs=1e-9)
            assert known == pytest.approx(row["accuracy_known"], abs=1e-9)


def test_a_method_without_a_result_somewhere_is_left_out(
    measured: Measured, results: ResultsFolder
):
    broken = dataclasses.replace(measured.records[1][0], status="failed", reason="out of luck")
    records = [measured.records[0], [broken, *measured.records[1][1:]], measured.records[2]]
    found = figures(records, results, CLASSES, [8, 8, 8])
    assert len(found.methods) == 17
    assert list(found.left_out.values()) == ["out of luck"]
