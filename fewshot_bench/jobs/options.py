"""What a user asks for of where trainings run."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench.errors import UserError

__all__ = ["AUTO", "JobOptions"]

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Where trainings run.

    jobs: how many at once on this machine, or "auto": as many as cores, GPUs and memory allow; None
    means one; gpus_per_job: the share of a GPU that each gets; engine: its name, None: trainings
    run in this process if there is one job, else in processes of this machine; scheduler: the
    address of a cluster, or the file that holds it. Raises `UserError` for what is out of bounds.
    """

    jobs: int | str | None = None
    gpus_per_job: float | None = None
    engine: str | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        is_number = isinstance(self.jobs, int) and self.jobs >= 1
        if self.jobs not in (None, AUTO) and not is_number:
            raise UserError(f"--jobs {self.jobs} is out of bounds (allowed: 1 or more, or auto)")
        share = self.gpus_per_job
        if share is not None and not 0 < share <= 1:
            raise UserError(
                f"--gpus-per-job {share:g} is out of bounds (allowed: more than 0, at most 1)"
            )
        if self.scheduler is None:
            return
        if self.engine is None:
            raise UserError(
                f"--scheduler {self.scheduler} needs an engine that uses it; add --engine dask"
            )
        for flag, value in (("--jobs", self.jobs), ("--gpus-per-job", share)):
            if value is not None:
                raise UserError(
                    f"{flag} {value} is for this machine, and the cluster of --scheduler says "
                    "itself how many trainings it runs at once; leave one out"
                )
