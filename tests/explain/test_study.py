"""What is studied of a plan: the cells with the most shots, each choice of test classes by itself."""

from pathlib import Path

from fewshot_bench import Request
from fewshot_bench.explain.study import cells_with_most_shots
from fewshot_bench.planning.plan import Plan, make_plan
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry

SMALL = {"steel-sim.per_class": "12", "steel-sim.side": "32"}


def plan_of(**changes: object) -> Plan:
    request = Request(
        **{"queries": 2, "episodes": 5, "settings": SMALL, "preset": "scratch", "device": "cpu"}
        | changes  # type: ignore[arg-type]
    )
    return make_plan(request, Registry())


def test_only_the_most_shots_are_run(tmp_path: Path):
    plan = plan_of(shots=[1, 3], baselines=["pixels", "lbp"])
    results = ResultsFolder(tmp_path)
    (studied,) = cells_with_most_shots(plan, results, lambda progress: None)
    assert studied.differs == ""
    assert studied.question["shots"] == 3
    assert [cell.training.name for cell, _ in studied.cells] == ["pixels", "lbp"]
    assert [record.shots for record in results] == [3, 3]


def test_each_split_is_studied_by_itself_and_says_what_it_was_tested_on(tmp_path: Path):
    plan = plan_of(shots=[1], baselines=["pixels"], splits="all")
    studied = cells_with_most_shots(plan, ResultsFolder(tmp_path), lambda progress: None)
    assert len(studied) == 20
    for one in studied:
        assert f"tested on {one.question['test_classes']}" in one.differs


def test_of_runs_the_first_is_studied(tmp_path: Path):
    free = dict.fromkeys(("shots", "queries", "episodes"))
    plan = plan_of(baselines=["pixels"], train_per_class=[4, 8], runs=2, **free)
    results = ResultsFolder(tmp_path)
    (studied,) = cells_with_most_shots(plan, results, lambda progress: None)
    assert [(record.train_size, record.first_episode) for record in results] == [(8, 0)]
    assert studied.question["train_size"] == 8
