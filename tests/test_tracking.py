"""Trackers hear what happens in a run, and a run outlives them."""

import dataclasses
from pathlib import Path

import pytest

from fewshot_bench import Card, Ended, Event, Started, Tracker, api
from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry.registry import Registry
from fewshot_bench.tracking import Tracking
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK

REQUEST = {
    "baselines": ["protonet", "pixels"],
    "encoder": "resnet18",
    "budget": 300,
    "image_size": 32,
    "shots": [1, 3],
}
DEAF = '''
from fewshot_bench import CellDone, Event, Tracker


class Deaf(Tracker):
    """Fails at its first cell."""

    def hear(self, event: Event) -> None:
        with (self.out / "heard.txt").open("a") as file:
            file.write(f"{type(event).__name__}\\n")
        if isinstance(event, CellDone):
            raise ConnectionError("nobody\\nanswers")

    def close(self) -> None:
        (self.out / "closed.txt").write_text("once")
'''


def test_a_tracker_hears_each_training_from_its_start_to_its_end(tmp_path: Path):
    outcome = _run(tmp_path, trackers=["diary"], plugins=[plugin("diary")])
    lines = (tmp_path / "diary.txt").read_text().splitlines()
    heard: dict[str, list[str]] = {}
    for line in lines:
        kind, training, _ = line.split(" ", 2)
        heard.setdefault(training, []).append(kind)
    assert len(heard) == 2
    for kinds in heard.values():
        assert kinds[0] == "Started"
        assert kinds[-1] == "Ended"
        assert kinds.count("CellDone") == 2
    assert sum(kinds.count("Step") for kinds in heard.values()) >= 2
    # the accuracies are those of the leaderboard
    written = sorted(float(line.split()[-1]) for line in lines if line.startswith("CellDone"))
    assert written == pytest.approx(sorted(outcome.table["accuracy"]), abs=1e-9)
    assert not [note for note in outcome.notes if "tracker" in note]


def test_a_training_that_is_tried_again_starts_once(tmp_path: Path):
    plan = make_plan(dataclasses.replace(QUICK, shots=[1]), Registry())
    (training,) = plan.trainings
    heard: list[Event] = []

    class Listener(Tracker):
        card = Card(title="Listens", paper="")

        def hear(self, event: Event) -> None:
            heard.append(event)

    tracking = Tracking(plan, tmp_path, {"listener": Listener(tmp_path)})
    for stage in ("start", "train", "start", "done"):  # the first process was killed
        tracking(Progress("pixels", "", stage, note="ok", identity=training.identity))
    tracking.close()
    assert [type(event) for event in heard] == [Started, Ended]


def test_what_is_there_already_is_not_told_again(tmp_path: Path):
    _run(tmp_path)
    _run(tmp_path, trackers=["diary"], plugins=[plugin("diary")])
    assert not (tmp_path / "diary.txt").exists()


def test_trainings_that_share_a_checkpoint_are_told_apart(tmp_path: Path):
    request = dataclasses.replace(QUICK, splits="all", shots=[1], episodes=20)
    api.run(request, tmp_path, trackers=["diary"], plugins=[plugin("diary")])
    lines = (tmp_path / "diary.txt").read_text().splitlines()
    started = {line.split()[1] for line in lines if line.startswith("Started")}
    assert len(started) == 20


def test_a_tracker_that_fails_is_told_no_more_and_the_run_is_whole(tmp_path: Path):
    file = tmp_path / "deaf.py"
    file.write_text(DEAF)
    outcome = _run(tmp_path / "out", trackers=["deaf"], plugins=[file])
    assert len(outcome.records) == 4
    assert not outcome.failed
    heard = (tmp_path / "out" / "heard.txt").read_text().split()
    assert heard.count("CellDone") == 1
    assert (tmp_path / "out" / "closed.txt").exists()
    notes = [note for note in outcome.notes if note.startswith("tracker deaf failed")]
    assert len(notes) == 1
    assert "ConnectionError: nobody answers" in notes[0]


def test_an_unknown_tracker_is_told_before_anything_is_read(tmp_path: Path):
    with pytest.raises(UserError, match=r"unknown tracker 'diari'.*allowed: mlflow, tensorboard"):
        _run(tmp_path / "out", trackers=["diari"])
    assert not (tmp_path / "out").exists()


def test_a_whole_tracker_stands_in_the_docs():
    page = Path(__file__).parents[1] / "docs" / "extend" / "tracker.md"
    assert plugin("diary").read_text() in page.read_text()


def _run(out: Path, *, trackers=(), plugins=()) -> api.Outcome:
    request = dataclasses.replace(QUICK, **REQUEST)
    return api.run(request, out, trackers=trackers, plugins=plugins)


def test_a_tracker_is_closed_when_a_run_is_stopped(tmp_path: Path):
    file = tmp_path / "deaf.py"
    file.write_text(DEAF)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(QUICK, tmp_path / "out", trackers=["deaf"], plugins=[file], notify=stop)
    assert (tmp_path / "out" / "closed.txt").exists()
