"""Splits are run in one order until the time is up, and nothing is computed twice."""

from pathlib import Path

import pytest

from fewshot_bench.advice.measure import measure
from fewshot_bench.advice.question import question
from fewshot_bench.engine.progress import Progress
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.textures import stripes

pytestmark = pytest.mark.usefixtures("empty_cache")


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def small(tmp_path: Path) -> Request:
    place = stripes(tmp_path / "own", {"a": 8, "b": 8, "c": 8, "d": 8})
    return Request(data=place, baselines="pixels", shots=1, episodes=10)


def held_out(records) -> tuple[str, ...]:
    return records[0].protocol.test_classes


def test_as_many_splits_as_fit_and_a_later_run_goes_on(small: Request, tmp_path: Path):
    registry = Registry()
    asked = question(small, registry, train=False)
    results = ResultsFolder(tmp_path / "out")
    steps: list[Progress] = []

    def run(seconds: float):
        steps.clear()
        return measure(asked, registry, results, seconds, on_progress=steps.append, clock=Clock())

    first = run(3)  # the clock is read at the start and around each split
    assert 1 <= first.done < first.splits == 6
    scored = {step.training for step in steps if step.stage == "score"}
    assert len(scored) == first.done
    cells = [step for step in steps if step.stage == "cell"]
    assert [step.done for step in cells] == list(range(1, len(cells) + 1))
    assert {step.total for step in cells} == {6 * 2 * 9}  # splits, powers, rules

    every = run(1e9)
    assert every.done == 6
    assert len({held_out(records) for records in every.records}) == 6
    assert [held_out(records) for records in every.records[: first.done]] == [
        held_out(records) for records in first.records
    ]
    scored_now = {step.training for step in steps if step.stage == "score"}
    assert len(scored_now) == 6 - first.done

    again = run(1e9)
    assert not [step for step in steps if step.stage in ("score", "embed")]
    assert again.records == every.records


def test_the_first_split_is_run_however_short_the_time(small: Request, tmp_path: Path):
    registry = Registry()
    asked = question(small, registry, train=False)
    results = ResultsFolder(tmp_path / "out")
    found = measure(asked, registry, results, 1e-9, on_progress=lambda step: None)
    assert found.done == 1
