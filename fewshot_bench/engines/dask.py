"""Dask: a cluster that is there, or one that is made on this machine for the run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from fewshot_bench import (
    Answer,
    Card,
    Engine,
    EngineSettings,
    Job,
    UserError,
    WorkerLost,
    end_workers,
    library,
    run_job,
)

LOG = logging.getLogger("fewshot_bench")  # without a handler, warnings go to standard error
CONNECT = 10.0  # seconds, after which a scheduler counts as not reachable
LOOK = 1.0  # seconds between looks whether anyone still waits for a job
# of the cluster on this machine: one that is suspended over night does not lose its worker
CONFIG = {"distributed.scheduler.worker-ttl": "24 hours"}


class Dask(Engine):
    """dask.distributed: each job is a task, which works in a process of its own beside it.

    So a training never holds the interpreter of a dask worker, which must answer its scheduler.
    """

    card = Card(
        title="dask.distributed: the cluster of --scheduler, or one on this machine",
        paper="Rocklin: Dask (SciPy)",
        year=2015,
    )
    needs = ("distributed", "dask")
    uses_scheduler = True

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        jobs: int = 1,
        scheduler: str | None = None,
    ) -> None:
        super().__init__(settings, jobs=jobs, scheduler=scheduler)
        self._cluster: Any = None
        self._client: Any = None
        self._last: Job | None = None
        self._submitted = 0
        self._waiting: dict[Any, Future[Answer]] = {}  # by what dask calls a future

    def start(self, tell: Callable[[bytes], None]) -> None:
        """Connect to the cluster, or make one."""
        distributed = _distributed()
        self._topic = f"fewshot-bench-{uuid.uuid4().hex}"
        if self.scheduler is None:
            self._client = self._own_cluster(distributed)
        else:
            self._client = _connected(distributed, self.scheduler)
            if not self._client.scheduler_info()["workers"]:
                LOG.warning(f"the cluster at {self.scheduler} has no worker yet; waiting for one")
        self._client.subscribe_topic(self._topic, lambda event: tell(event[1]))

    def _own_cluster(self, distributed: Any) -> Any:
        """A client of a cluster on this machine, which nobody else can reach."""
        dask = library("dask", "dask", "dask")
        with dask.config.set(CONFIG):
            self._cluster = distributed.LocalCluster(
                processes=False,  # scheduler and worker are threads here; jobs have processes
                n_workers=1,
                threads_per_worker=self.jobs,  # each waits for a process
                memory_limit=0,  # the memory is in those processes
                dashboard_address="127.0.0.1:0",  # it cannot be left out; any free port
                silence_logs=logging.CRITICAL,
            )
            return distributed.Client(self._cluster)

    def submit(self, job: Job) -> Future[Answer]:
        """Make a task of a job."""
        self._last = job
        self._submitted += 1
        task = self._client.submit(
            _work,
            job,
            self._topic,
            key=f"{job.name}-{uuid.uuid4().hex}",
            priority=-self._submitted,  # in the order of the plan
            pure=False,
        )
        result: Future[Answer] = Future()
        self._waiting[task] = result
        task.add_done_callback(self._take)
        return result

    def _take(self, task: Any) -> None:
        """Hand on what a task gave. It is dropped, else dask computes it again if a worker dies."""
        result = self._waiting.pop(task)
        killed = _distributed().scheduler.KilledWorker
        try:
            result.set_result(task.result())
        except killed:
            result.set_exception(WorkerLost("and its dask worker were killed", "see its log"))
        except WorkerLost as lost:
            result.set_exception(lost)
        except BaseException as error:
            result.set_exception(
                UserError(f"dask gave up a training ({type(error).__name__}: {error}); run again")
            )
        task.release()

    def stop(self) -> None:
        """End the processes of this run on all machines, and the cluster if it was made here."""
        with contextlib.suppress(OSError):  # whoever does not answer in time is left behind
            if self._last is not None:
                self._client.cancel(list(self._waiting), force=True)
                # a cluster of one's own closes at once where no task runs any more
                is_own = self._cluster is not None
                self._client.run(_end_all, self._last, wait=is_own, on_error="ignore")
        for connection in (self._client, self._cluster):
            with contextlib.suppress(OSError):
                if connection is not None:
                    connection.close(timeout=1)


def _distributed() -> Any:
    return library("dask", "distributed", "dask")


def _check_file(scheduler: str) -> None:
    """Raise `UserError` if the file of a scheduler names no address."""
    try:
        values = json.loads(Path(scheduler).read_bytes())
        is_whole = isinstance(values, dict) and isinstance(values.get("address"), str)
    except (OSError, ValueError):
        is_whole = False
    if not is_whole:
        raise UserError(
            f"--scheduler {scheduler} has no address of a scheduler in it; name the file that dask "
            "scheduler --scheduler-file wrote"
        )


def _connected(distributed: Any, scheduler: str) -> Any:
    """A client of the cluster at an address, or of the one that a file names."""
    is_address = ":" in scheduler
    if not is_address and not Path(scheduler).is_file():
        raise UserError(
            f"--scheduler {scheduler} is no file; name the file that dask scheduler "
            "--scheduler-file wrote, or an address such as tcp://10.0.0.1:8786"
        )
    if not is_address:
        _check_file(scheduler)
    name = "address" if is_address else "scheduler_file"
    try:
        return distributed.Client(**{name: scheduler}, timeout=CONNECT)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"--scheduler {scheduler} is not reachable ({reason}); start it, or leave it out "
            "for a cluster on this machine"
        ) from None


async def _end_all(job: Job) -> None:
    """End the processes of a run on a dask worker. Only a coroutine need not be waited for."""
    await asyncio.to_thread(end_workers, job)


def _work(job: Job, topic: str) -> Answer:
    """What a dask worker does for one job."""
    worker = _distributed().get_worker()
    ended = threading.Event()
    watching = partial(_end_if_dropped, worker, worker.get_current_task(), job, ended)
    threading.Thread(target=watching, daemon=True).start()
    try:
        return run_job(job, partial(worker.log_event, topic))
    finally:
        ended.set()


def _end_if_dropped(worker: Any, key: str, job: Job, ended: threading.Event) -> None:
    """End a job that nobody waits for any more: its run was killed, or lost its network."""
    while not ended.wait(LOOK):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            end_workers(job)
            return
