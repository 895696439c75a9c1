"""Trainings in several worker processes: the same bytes, whatever is killed, and nothing is left behind."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import UserError
from fewshot_bench.jobs.options import JobOptions
from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import copied, engine_of_the_docs, plugin
from tests.helpers.runs import run

TABLES = ("leaderboard.csv", "leaderboard-wide.csv")


needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="distributed is not here: uv sync --extra dask",
)


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def claims(out: Path) -> list[Path]:
    return list((out / "claims").glob("*.json"))


def until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody asked for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("engine", ["local", pytest.param("instant", marks=pytest.mark.slow)])
def test_a_worker_process_gives_the_bytes_of_this_one(tmp_path: Path, engine: str):
    options = JobOptions(engine=engine)
    elsewhere = run(tmp_path / "elsewhere", [engine_of_the_docs(tmp_path)], jobs=options)
    assert not elsewhere.failed
    run(tmp_path / "here")
    assert tables(tmp_path / "elsewhere") == tables(tmp_path / "here")
    assert not claims(tmp_path / "elsewhere")


@pytest.mark.slow
def test_two_jobs_give_the_bytes_of_one_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MORTAL", str(tmp_path / "killed"))
    changes = {"baselines": ["pixels", "untrained", "mortal"], "seeds": 2, "image_size": 32}
    steps: list[Progress] = []
    several = run(tmp_path / "several", [plugin("mortal")], jobs=2, notify=steps.append, **changes)
    assert (tmp_path / "killed").is_file()
    assert not several.failed
    # what a method prints does not disturb the messages of its process
    assert "before the end" in capfd.readouterr().err
    done = [step.done for step in steps if step.stage == "cell"]
    assert done == list(range(1, 13))
    one = run(tmp_path / "one", [plugin("mortal")], **changes)
    assert [record.stem for record in several.records] == [record.stem for record in one.records]
    assert tables(tmp_path / "several") == tables(tmp_path / "one")
    assert not claims(tmp_path / "several")
    # nothing is left to do, so no process is started
    monkeypatch.setattr(subprocess, "Popen", None)
    again = run(tmp_path / "several", [plugin("mortal")], jobs=2, **changes)
    assert [record.key for record in again.records] == [record.key for record in one.records]


@pytest.mark.slow
def test_what_kills_its_process_again_and_again_is_a_failure_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MORTAL", raising=False)
    outcome = run(tmp_path, [plugin("mortal")], jobs=2, baselines=["mortal", "pixels"])
    statuses = [(record.baseline.name, record.status) for record in outcome.records]
    assert statuses == [("mortal", "failed")] * 2 + [("pixels", "ok")] * 2
    assert {record.reason for record in outcome.failed} == {
        "its worker process was killed 3 times (signal 9)"
    }
    settings = {"steel-sim.version": "1", "local.allowed_failures": "1"}
    outcome = run(
        tmp_path / "once", [plugin("mortal")], jobs=2, baselines=["mortal"], settings=settings
    )
    assert outcome.failed[0].reason == "its worker process was killed once (signal 9)"


def test_a_method_that_stops_itself_is_a_failure_with_that_reason(tmp_path: Path):
    outcome = run(tmp_path, [plugin("stopped")], jobs=2, baselines=["stopped", "pixels"])
    statuses = [(record.baseline.name, record.status) for record in outcome.records]
    assert statuses == [("stopped", "failed")] * 2 + [("pixels", "ok")] * 2
    assert {record.reason for record in outcome.failed} == {
        "KeyboardInterrupt: the method raised it"
    }
    assert not claims(tmp_path)


def test_a_method_that_reads_or_leaves_a_process_behind_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "log"
    monkeypatch.setenv("ASKING_LOG", str(log))
    begun = time.monotonic()
    outcome = run(tmp_path / "out", [plugin("asking")], jobs=2, baselines=["asking"], seeds=2)
    took = time.monotonic() - begun
    left = [int(word) for word in log.read_text().split()]
    assert all(map(is_alive, left)), "the end of the run did not wait for them"
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not outcome.failed
    assert took < 300


@needs_dask
@pytest.mark.slow
@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_file_of_a_scheduler_is_told(tmp_path: Path, content: str):
    file = tmp_path / "scheduler.json"
    file.write_text(content)
    with pytest.raises(UserError, match="has no address of a scheduler"):
        run(tmp_path / "out", jobs=JobOptions(engine="dask", scheduler=str(file)))


@needs_dask
@pytest.mark.slow
def test_a_dask_cluster_made_here_gives_the_bytes_of_one_process_though_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MORTAL", str(tmp_path / "killed"))
    words = (
        *("run", *TINY, "--shots", "1,3", "--baselines", "pixels,mortal,untrained"),
        *("--plugin", str(plugin("mortal")), "--image-size", "32"),
    )
    for name, more in (("dask", ("--engine", "dask", "--jobs", "2")), ("one", ())):
        command = [sys.executable, "-m", "fewshot_bench", *words, *more, "--out", tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "killed").is_file()
    assert tables(tmp_path / "dask") == tables(tmp_path / "one")
    assert not claims(tmp_path / "dask")


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts `python -m` with these words; what it starts ends with the test."""
    with contextlib.ExitStack() as stack:

        def call(*words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        yield call


def worker_processes(folder: Path) -> list[str]:
    """Numbers of the worker processes whose environment names this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_worker = b"fewshot_bench.engine.worker" in (process / "cmdline").read_bytes()
            if is_worker and str(folder).encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def start_cluster(start: Start, file: Path) -> None:
    """A scheduler and two workers on this machine, as on a cluster."""
    here = ("--scheduler-file", str(file), "--host", "127.0.0.1")
    start("dask", "scheduler", *here, "--port", "0", "--dashboard-address", ":0")
    assert until(file.is_file, 60)
    start("dask", "worker", *here, "--nworkers", "2", "--nthreads", "1", "--no-dashboard")


@needs_dask
@pytest.mark.slow
def test_a_cluster_that_is_there_gives_the_same_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
):
    """A training kills its own process, another one the dask worker that it belongs to."""
    changes = {"os.getpid()": "os.getppid()", '"MORTAL"': '"PARRICIDE"'}
    parricide = copied("mortal", tmp_path / "parricide.py", changes)
    for name in ("MORTAL", "PARRICIDE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    file = tmp_path / "scheduler.json"
    start_cluster(start, file)
    words = (
        *("fewshot_bench", "run", *TINY, "--shots", "1,3", "--image-size", "32"),
        *("--baselines", "pixels,mortal,parricide,untrained"),
        *("--plugin", str(plugin("mortal")), "--plugin", str(parricide)),
    )
    run_there = start(*words, "--engine", "dask", "--scheduler", str(file), "--out", "there")
    assert run_there.wait(300) == 0
    assert (tmp_path / "MORTAL").is_file()
    assert (tmp_path / "PARRICIDE").is_file()
    assert until(lambda: not worker_processes(tmp_path), 30), "a worker process is kept"
    assert start(*words, "--out", "here").wait(300) == 0
    assert tables(tmp_path / "there") == tables(tmp_path / "here")


@needs_dask
@pytest.mark.slow
def test_a_cluster_keeps_nothing_of_a_run_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
):
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setenv("ENDLESS_LOG", str(log))
    file = tmp_path / "scheduler.json"
    start_cluster(start, file)
    killed = start(
        *("fewshot_bench", "run", *TINY, "--shots", "1", "--out", "results"),
        *("--engine", "dask", "--scheduler", str(file)),
        *("--baselines", "endless", "--plugin", str(plugin("endless"))),
    )
    assert until(lambda: bool(log.read_text()), 120)
    pids = [int(word) for word in log.read_text().split()]
    killed.kill()
    assert until(lambda: not any(map(is_alive, pids)), 30), "a worker lives on"


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=needs_dask)])
def test_nothing_is_left_behind_when_the_command_is_stopped_or_killed(
    tmp_path: Path, engine: str, sent: signal.Signals
):
    log = tmp_path / "log"
    log.touch()
    out = tmp_path / "out"
    words = (
        *("run", *TINY, "--shots", "1", "--seeds", "2", "--baselines", "pixels,endless"),
        *("--plugin", str(plugin("endless")), "--out", str(out)),
        *("--engine", engine, "--jobs", "2"),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fewshot_bench", *words],
        env={**os.environ, "ENDLESS_LOG": str(log)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert until(lambda: len(log.read_text().splitlines()) == 2, 120)
    begun = time.monotonic()
    process.send_signal(sent)
    pids = [int(word) for word in log.read_text().split()]
    assert until(lambda: not any(map(is_alive, pids)), 10), "a worker lives on"
    _, err = process.communicate(timeout=30)
    seconds = time.monotonic() - begun
    if sent == signal.SIGINT:
        assert process.returncode == 130
        assert "done: 1 of 4 cells" in err
        assert (out / "leaderboard.csv").is_file()
        assert not claims(out)
        assert seconds < 5  # two seconds on a machine that does nothing else


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--jobs 0", "--jobs 0 is out of bounds (allowed: 1 or more, or auto)"),
        ("--jobs two", "--jobs 'two' cannot be read (allowed: a whole number, or auto)"),
        ("--gpus-per-job 2", "--gpus-per-job 2 is out of bounds (allowed: more than 0, at most 1)"),
        ("--jobs 2 --gpus-per-job 0.5 --device cpu", "this run uses the processor; leave it out"),
        ("--engine rey", "unknown engine 'rey'"),
        ("--scheduler tcp://a:1", "needs an engine that uses it; add --engine dask"),
        ("--engine local --scheduler tcp://a:1", "--engine local uses none"),
        pytest.param(
            "--engine dask --scheduler nowhere.json",
            "--scheduler nowhere.json is no file; name the file",
            marks=needs_dask,
        ),
        pytest.param(
            "--engine dask --scheduler tcp://127.0.0.1:1",
            "--scheduler tcp://127.0.0.1:1 is not reachable",
            marks=[needs_dask, pytest.mark.slow],
        ),
        ("--engine dask --scheduler tcp://a:1 --jobs 2", "leave one out"),
        ("--set local.allowed_failures=2", "is for local, which is not in this run"),
        ("--jobs 2 --set local.allowed_failures=0", "allowed_failures=0 is out of bounds"),
    ],
)
def test_a_mistake_is_one_line(bench, tmp_path: Path, words: str, told: str):
    status, _, err = bench("run", *TINY, *words_of(words), "--out", tmp_path)
    assert status == 2
    assert err.count("\n") == 1
    assert told in err
