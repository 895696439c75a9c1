"""Worker processes are kept, replaced and ended; each has its slot, its threads and its GPU."""

import threading
from typing import Self

import pytest

from fewshot_bench.jobs import pool
from fewshot_bench.jobs.engine import Answer, Job, WorkerLost
from fewshot_bench.jobs.pool import WorkerPool


class FakeProcess:
    """In the place of a process: it says what it was started with, and dies if it is told to."""

    started: list[Self] = []

    def __init__(self, order: bytes, *, threads: int, gpu: str | None = None) -> None:
        self.order = order
        self.gpu = gpu
        self.threads = threads
        self.is_alive = True
        self.gate = threading.Event()
        self.started.append(self)

    def run(self, content: bytes, tell: object) -> Answer:
        if content == b"die":
            self.is_alive = False
            raise WorkerLost("was killed", "signal 9")
        if content == b"wait":
            assert self.gate.wait(10)
            if not self.is_alive:
                raise WorkerLost("was killed", "signal 9")
        return Answer("done", content)

    def end(self, seconds: float = 1.0) -> None:
        self.is_alive = False
        self.gate.set()

    def close(self) -> None:
        assert not self.is_alive


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[FakeProcess]:
    monkeypatch.setattr(pool, "WorkerProcess", FakeProcess)
    monkeypatch.setattr(FakeProcess, "started", [])
    return FakeProcess.started


def job(content: bytes, order: bytes = b"order") -> Job:
    return Job("method", order, content, threads=3, gpus=("4", "7"))


def ignore(message: bytes) -> None:
    del message


def test_a_process_is_kept_for_the_next_job_of_its_run_and_replaced_when_it_dies(
    started: list[FakeProcess],
):
    workers = WorkerPool()
    for content in (b"one", b"two"):
        assert workers.run(job(content), ignore) == Answer("done", content)
    assert len(started) == 1
    with pytest.raises(WorkerLost):
        workers.run(job(b"die"), ignore)
    assert workers.run(job(b"three"), ignore).content == b"three"
    assert [one.is_alive for one in started] == [False, True]
    # a process of another run knows other trainings
    workers.run(job(b"four", b"other order"), ignore)
    assert [one.is_alive for one in started] == [False, False, True]
    workers.close()
    assert not any(one.is_alive for one in started)


def test_jobs_at_the_same_time_have_gpus_in_turn_and_closing_ends_them(started: list[FakeProcess]):
    workers = WorkerPool()
    lost: list[WorkerLost] = []

    def run() -> None:
        try:
            workers.run(job(b"wait"), ignore)
        except WorkerLost as error:
            lost.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(started) <= number:
            pass
    assert [one.gpu for one in started] == ["4", "7", "4"]
    assert {one.threads for one in started} == {3}
    workers.close()
    for thread in threads:
        thread.join(10)
    assert len(lost) == 3
    with pytest.raises(WorkerLost):
        workers.run(job(b"late"), ignore)
