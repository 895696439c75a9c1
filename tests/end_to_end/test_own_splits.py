"""All splits of one's own classes: no test classes needed, each split named, fixed features made once."""

from collections import Counter
from pathlib import Path

import pytest

from fewshot_bench import Request, UserError, api
from fewshot_bench.engine.progress import Progress
from tests.helpers.files import archive, classes

pytestmark = pytest.mark.usefixtures("empty_cache")


def small(path: Path, **changes: object) -> Request:
    values = {"shots": 1, "queries": 2, "episodes": 10, "ways": 2, "preset": "scratch"}
    return Request(data=path, **{**values, **changes})


def test_all_splits_need_no_test_classes_and_are_named(tmp_path: Path):
    path = archive(tmp_path / "own.zip", classes(4))
    steps: list[Progress] = []
    request = small(
        path, splits="all", baselines=["pixels", "untrained", "lbp", "resnet"], budget=32
    )
    outcome = api.run(request, tmp_path / "out", notify=steps.append)
    assert not outcome.failed
    assert "6 splits: every choice of 2 held-out classes of 4" in outcome.notes
    tested = {record.protocol.test_classes for record in outcome.records}
    assert len(tested) == 6
    trained = {step.training for step in steps if step.stage == "train"}
    assert trained == {f"tested on {' | '.join(names)}" for names in tested}
    embedded = {(step.baseline, step.training) for step in steps if step.stage == "embed"}
    assert Counter(baseline for baseline, _ in embedded) == {
        "pixels": 1, "untrained": 1, "lbp": 1, "resnet": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"test_classes": ["c0", "c1"]}, {"test_classes": ["c0"]}, {"splits": "all"}]
)
def test_two_classes_are_shown_a_way_out(tmp_path: Path, changes: dict[str, object]):
    path = archive(tmp_path / "own.zip", classes(2, 10))
    with pytest.raises(UserError, match=r"ways=2 needs 3 classes or more.*: --train-per-class 5"):
        api.run(small(path, baselines=["pixels"], **changes), tmp_path / "out")
    way_out = Request(data=path, baselines=["pixels"], train_per_class=5, runs=2)
    assert not api.run(way_out, tmp_path / "out").failed
