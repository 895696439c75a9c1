"""The base class of the engines in `fewshot_bench/engines/`: they run trainings somewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ClassVar

from fewshot_bench.card import Card
from fewshot_bench.settings import Settings

__all__ = ["Answer", "Engine", "EngineSettings", "Job", "Tell", "WorkerLost"]

# takes what a worker process reports while it works on a job; any thread may call it
Tell = Callable[[bytes], None]


@dataclass(frozen=True)
class Answer:
    """What a worker process says of a job at its end. Engines hand it on and do not look inside."""

    kind: str
    content: bytes = b""


class WorkerLost(Exception):
    """The process that worked on a job is gone.

    event: what happened to it, as "was killed"; how: the signal or the exit status.
    """

    def __init__(self, event: str, how: str) -> None:
        super().__init__(event, how)  # both, so that it can be pickled
        self.event = event
        self.how = how


@dataclass(frozen=True)
class Job:
    """One training, to be run by `run_job` in any process that has this package.

    name: of its method; order: what all jobs of a run share; content: what to work on; threads: of
    the process that does it; gpus: what CUDA_VISIBLE_DEVICES is in the first, second, ... process
    of a machine, or nothing: it stays as it is there.
    """

    name: str
    order: bytes
    content: bytes
    threads: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EngineSettings(Settings):
    """allowed_failures: a training whose process was killed so often is a failed cell."""

    allowed_failures: int = 3

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need_at_least("allowed_failures", 1)


class Engine:
    """Runs jobs somewhere: in processes of this machine, on a cluster.

    It is made once for a run. `start` is called first, then `submit` for each job, and `stop` at
    the end, after an error or Ctrl-C too. All three are called by one thread.

    An engine does one thing: it calls `run_job(job, tell)` (or `run_job(job)`) in a process of its
    choice and hands back what that returns or raises. The records of a training are in the folder
    of results when `run_job` returns. So the machines of an engine share that folder, have this
    package, and find data and plug-ins under the same paths. Everything else is not its business:
    which trainings are left, claims, failures, what is tried again.

    card: of its title; settings_type: its settings, with `allowed_failures`; needs: (module, extra)
    that must be installed; uses_scheduler: it can use a cluster that is there (`--scheduler`).
    jobs: how many trainings it runs at once, where it does not use such a cluster; scheduler: the
    address of the cluster, or the file that holds it.
    """

    card: ClassVar[Card]
    settings_type: ClassVar[type[EngineSettings]] = EngineSettings
    needs: ClassVar[tuple[str, str] | None] = None
    uses_scheduler: ClassVar[bool] = False

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        jobs: int = 1,
        scheduler: str | None = None,
    ) -> None:
        self.settings = self.settings_type() if settings is None else settings
        self.jobs = jobs
        self.scheduler = scheduler

    def start(self, tell: Tell) -> None:
        """Prepare to run jobs. Raises `UserError` where that is not possible.

        tell: takes what `run_job` reports. An engine that cannot carry it may leave it out: then
        the terminal does not show how far a training is, and results are the same.
        """
        raise NotImplementedError

    def submit(self, job: Job) -> Future[Answer]:
        """Run a job as soon as there is room, and return at once.

        The future gets what `run_job` returned or raised: `WorkerLost` if the process is gone.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """End everything that still runs, within two seconds."""
        raise NotImplementedError
