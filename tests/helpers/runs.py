"""Runs that are small: few images of 32 x 32 pixels, few episodes."""

import dataclasses
from pathlib import Path

from fewshot_bench import api
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.jobs.options import JobOptions
from fewshot_bench.request import Request

# the marks of version 2 are smaller than a pixel of such images
SMALL = {"steel-sim.per_class": "24", "steel-sim.side": "32", "steel-sim.version": "1"}
QUICK = Request(
    shots=[1, 3],
    queries=5,
    episodes=60,
    baselines=["pixels"],
    settings=SMALL,
    preset="scratch",
    device="cpu",
)


def run(
    out: Path,
    plugins: list[Path] | None = None,
    *,
    fresh: bool = False,
    jobs: JobOptions | int = 1,
    notify: OnProgress = lambda progress: None,
    **changes: object,
) -> api.Outcome:
    """`QUICK` with these changes, into the folder `out`."""
    request = dataclasses.replace(QUICK, **changes)  # type: ignore[arg-type]
    return api.run(request, out, fresh=fresh, plugins=plugins or [], jobs=jobs, notify=notify)
