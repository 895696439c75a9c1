"""Local: worker processes on this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from fewshot_bench import Answer, Card, Engine, EngineSettings, Job, WorkerPool


class Local(Engine):
    """`--jobs N` means this engine: at most N processes, started when they are needed."""

    card = Card(title="Worker processes on this machine", paper="", standard=True)

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        jobs: int = 1,
        scheduler: str | None = None,
    ) -> None:
        super().__init__(settings, jobs=jobs, scheduler=scheduler)
        self._pool = WorkerPool()
        self._threads = ThreadPoolExecutor(jobs)  # each waits for a process

    def start(self, tell: Callable[[bytes], None]) -> None:
        """Remember whom to tell; processes start with the first jobs."""
        self._tell = tell

    def submit(self, job: Job) -> Future[Answer]:
        """Run a job when a thread is free."""
        return self._threads.submit(self._pool.run, job, self._tell)

    def stop(self) -> None:
        """End the processes; jobs that wait are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()
