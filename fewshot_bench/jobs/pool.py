"""Worker processes that are kept from one job to the next, each in a slot of this machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fewshot_bench.jobs.engine import Answer, Job, Tell, WorkerLost
from fewshot_bench.jobs.process import WorkerProcess

__all__ = ["WorkerPool", "end_workers", "run_job"]


class WorkerPool:
    """The worker processes of this process. Threads may run jobs in it at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[int, WorkerProcess] = {}  # by slot
        self._busy: dict[int, WorkerProcess | None] = {}  # None: it is being started
        self._is_closed = False

    def run(self, job: Job, tell: Tell) -> Answer:
        """Work on a job in an idle process of its run, or in a new one, and wait for its end.

        Raises `WorkerLost` if the process is gone before the end.
        """
        slot, worker = self._taken(job)
        try:
            if worker is None:
                gpu = job.gpus[slot % len(job.gpus)] if job.gpus else None
                worker = WorkerProcess(job.order, threads=job.threads, gpu=gpu)
                self._keep(slot, worker)
            answer = worker.run(job.content, tell)
        except BaseException:
            self._give_back(slot, None)
            if worker is not None:
                worker.end(0)
                worker.close()
            raise
        self._give_back(slot, worker)
        return answer

    def end_run(self, job: Job) -> None:
        """End the processes of the run of this job."""
        with self._lock:
            busy = [one for one in self._busy.values() if one and one.order == job.order]
            idle = [one for one in self._idle.values() if one.order == job.order]
            self._idle = {slot: one for slot, one in self._idle.items() if one not in idle}
        _end(busy)
        _end_idle(idle)

    def close(self) -> None:
        """End all processes, and refuse further jobs."""
        with self._lock:
            self._is_closed = True
            busy = list(filter(None, self._busy.values()))
            idle = list(self._idle.values())
            self._idle.clear()
        _end(busy)
        _end_idle(idle)

    def _taken(self, job: Job) -> tuple[int, WorkerProcess | None]:
        """A slot for the job, and the idle process in it, if it has one of the job's run."""
        with self._lock:
            if self._is_closed:
                raise WorkerLost("was ended", "the run was stopped")
            for slot, worker in self._idle.items():
                if worker.order == job.order and worker.is_alive:
                    self._busy[slot] = self._idle.pop(slot)
                    return slot, worker
            # what an earlier run left needs memory and is of no use
            left = list(self._idle.values())
            self._idle.clear()
            slot = 0
            while slot in self._busy:
                slot += 1
            self._busy[slot] = None
        _end_idle(left)
        return slot, None

    def _keep(self, slot: int, worker: WorkerProcess) -> None:
        with self._lock:
            self._busy[slot] = worker
            is_closed = self._is_closed
        if is_closed:
            worker.end(0)

    def _give_back(self, slot: int, worker: WorkerProcess | None) -> None:
        """Free a slot. worker: what may take another job, or None."""
        with self._lock:
            del self._busy[slot]
            if worker is not None:
                self._idle[slot] = worker


def _end(workers: Sequence[WorkerProcess]) -> None:
    """End processes, all of them in the time of one."""
    threads = [threading.Thread(target=worker.end) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _end_idle(workers: Sequence[WorkerProcess]) -> None:
    _end(workers)
    for worker in workers:
        worker.close()


_OF_THIS_PROCESS = WorkerPool()


def _tell_nobody(message: bytes) -> None:
    del message


def run_job(job: Job, tell: Tell = _tell_nobody) -> Answer:
    """Run a job on this machine, in a process that is kept for the next job, and wait for its end.

    What an engine calls wherever it has room for one more training. tell: takes what the process
    reports meanwhile. Raises `WorkerLost` if the process is gone before the end.
    """
    return _OF_THIS_PROCESS.run(job, tell)


def end_workers(job: Job) -> None:
    """End the processes that `run_job` keeps in this process for the run of this job."""
    _OF_THIS_PROCESS.end_run(job)
