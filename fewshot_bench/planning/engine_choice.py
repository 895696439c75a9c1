"""The engine that a user names, with its settings and its share of the machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fewshot_bench.errors import UserError
from fewshot_bench.jobs import share
from fewshot_bench.jobs.engine import Engine
from fewshot_bench.jobs.options import AUTO, JobOptions
from fewshot_bench.planning.settled import machine_for
from fewshot_bench.registry.registry import Registry, usable
from fewshot_bench.request import Request

__all__ = ["Workplace", "chosen_workplace"]


@dataclass(frozen=True, eq=False)
class Workplace:
    """An engine that is ready to start. threads: of each job; gpus: as in `Job`."""

    engine: Engine
    threads: int
    gpus: tuple[str, ...]


def chosen_workplace(
    options: JobOptions, request: Request, registry: Registry
) -> tuple[Workplace | None, Request]:
    """Where the trainings of a request run, None: in this process, and the request for them.

    The request has the threads of each job, and no settings of the engine. Raises `UserError` for
    an engine that does not exist or cannot be used as the options say, and where the GPUs of this
    machine are too few.
    """
    name = options.engine or _standard_engine(registry)
    engine_class = registry.engine(name).load()
    if options.scheduler is not None and not engine_class.uses_scheduler:
        raise UserError(
            f"--scheduler {options.scheduler} names a cluster, and --engine {name} uses none; "
            "leave it out, or name another engine (bench list shows them)"
        )
    gpus = _gpus(options, request)
    number = _number(options, gpus)
    if number == 1 and options.engine is None:
        return None, request
    own = {}
    others = {}
    for key, text in request.settings.items():
        owner, _, setting = key.partition(".")
        if owner == name:
            own[setting] = text
        else:
            others[key] = text
    settings = engine_class.settings_type.given(name, own)
    engine = engine_class(settings, jobs=number, scheduler=options.scheduler)
    threads = request.threads or share.threads_each(number)
    # each job sees its own GPU alone, which is the first one there
    device = "cuda" if gpus and request.device.startswith("cuda") else request.device
    request = replace(request, settings=others, threads=threads, device=device)
    return Workplace(engine, threads, gpus), request


def _standard_engine(registry: Registry) -> str:
    """The name of the engine of several jobs, if none is named."""
    return next(
        plugin.name
        for plugin, engine_class in usable(registry.engines.values())
        if engine_class.card.standard
    )


def _gpus(options: JobOptions, request: Request) -> tuple[str, ...]:
    """The GPUs that the jobs of this machine share."""
    if options.scheduler is not None:
        return ()
    device = machine_for(request).device
    if device.type == "cuda":
        visible = share.visible_gpus()
        return visible if device.index is None else (visible[device.index],)
    if options.gpus_per_job is not None:
        raise UserError(
            f"--gpus-per-job {options.gpus_per_job:g} is for a GPU, and this run uses the "
            "processor; leave it out"
        )
    return ()


def _number(options: JobOptions, gpus: tuple[str, ...]) -> int:
    """How many jobs run at once on this machine."""
    number = options.jobs or 1
    on_gpus = None
    if gpus:
        on_gpus = share.jobs_on_gpus(len(gpus), options.gpus_per_job or 1)
    if number == AUTO:
        return share.automatic_jobs(
            cores=share.cores(), memory=share.free_memory(), on_gpus=on_gpus
        )
    if on_gpus is not None and options.gpus_per_job is not None and int(number) > on_gpus:
        raise UserError(
            f"--jobs {number} with --gpus-per-job {options.gpus_per_job:g} is more than "
            f"{len(gpus)} GPUs hold (allowed: at most {on_gpus} jobs)"
        )
    return int(number)
