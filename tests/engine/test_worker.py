"""What a worker process refuses to work on, and why."""

import dataclasses
import pickle
from pathlib import Path

import pytest

from fewshot_bench.engine import worker
from fewshot_bench.engine.order import RunOrder, TrainingOrder
from fewshot_bench.engine.progress import Progress
from fewshot_bench.planning.plan import Plan, make_plan
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from tests.helpers.plugin_files import copied
from tests.helpers.runs import QUICK, SMALL

Sent = list[tuple[str, bytes]]


def order_of(out: Path, plugins: tuple[Path, ...] = ()) -> RunOrder:
    ResultsFolder(out)
    return RunOrder(QUICK, plugins, out, "run-1", Path.cwd(), ("bench", "run"))


def answers(order: RunOrder, *trainings: TrainingOrder, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What a worker with this order says of these trainings."""
    monkeypatch.setattr("sys.argv", ["before"])
    monkeypatch.chdir(Path.cwd())
    sent: Sent = []
    work = worker._prepared(
        pickle.loads(pickle.dumps(order)), lambda kind, content: sent.append((kind, content))
    )
    for training in trainings:
        work(pickle.loads(pickle.dumps(training)))
    return [(kind, content) for kind, content in sent if kind != "told"]


def order_of_first(plan: Plan) -> TrainingOrder:
    training = next(iter(plan.trainings))
    return TrainingOrder.of(plan, training, 0, {})


def test_a_folder_that_is_not_that_of_the_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(QUICK, Registry())
    order = order_of(tmp_path)
    told = answers(order, order_of_first(plan), monkeypatch=monkeypatch)
    assert [kind for kind, _ in told] == ["refused"]
    assert b"is not the folder of the run" in told[0][1]
    missing = dataclasses.replace(order, out=tmp_path / "missing")
    told = answers(missing, order_of_first(plan), monkeypatch=monkeypatch)
    assert b"is not the folder of the run" in told[0][1]
    assert not (tmp_path / "missing").exists()


def test_a_training_is_worked_on_where_the_plan_is_the_same_and_refused_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(QUICK, Registry())
    other_data = dataclasses.replace(QUICK, settings={**SMALL, "steel-sim.per_class": "25"})
    other_method = dataclasses.replace(QUICK, baselines=["untrained"])
    orders = [order_of_first(make_plan(one, Registry())) for one in (other_data, other_method)]
    order = order_of(tmp_path)
    with Claims(ResultsFolder(tmp_path).paths.claims).held(order.claim):
        told = answers(order, *orders, order_of_first(plan), monkeypatch=monkeypatch)
    assert [kind for kind, _ in told] == ["refused", "refused", "done"]
    assert told[0][1].startswith(f"digest of steel-sim here: {plan.data.digest}".encode())
    assert told[1][1] == b"method here: pixels, and where the run was started: untrained"
    record = next(iter(ResultsFolder(tmp_path)))
    assert record.provenance.argv == ("bench", "run")


def test_data_and_plugins_that_are_not_there_are_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = make_plan(QUICK, Registry())
    order = order_of(tmp_path, (tmp_path / "missing.py",))
    with Claims(ResultsFolder(tmp_path).paths.claims).held(order.claim):
        told = answers(order, order_of_first(plan), monkeypatch=monkeypatch)
    assert told[0][0] == "refused"
    assert f"{tmp_path / 'missing.py'} is not a file".encode() in told[0][1]


def test_a_method_that_was_edited_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = copied("levels", tmp_path / "edited.py")
    request = dataclasses.replace(QUICK, baselines=["edited"])
    training = order_of_first(make_plan(request, Registry([path])))
    path.write_text(path.read_text() + "# edited\n")
    order = dataclasses.replace(order_of(tmp_path / "out", (path,)), request=request)
    with Claims(ResultsFolder(tmp_path / "out").paths.claims).held(order.claim):
        told = answers(order, training, monkeypatch=monkeypatch)
    assert told[0][1].startswith(b"digest of the code of edited here: ")


def test_many_steps_of_a_stage_are_sent_a_few_times_a_second():
    sent: Sent = []
    report = worker._Reporter(lambda kind, content: sent.append((kind, content)))
    for done in range(1000):
        report(Progress("method", "", "embed", done, 1000))
    assert 1 <= len(sent) < 1000
    sent.clear()
    for done in range(1000):
        report(Progress("method", "", "train", done, 1000, loss=1.0))
    assert len(sent) == 1000  # trackers draw each
