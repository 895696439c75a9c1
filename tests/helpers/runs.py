"""Runs that are small: few images of 32 x 32 pixels, few episodes."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from fewshot_bench import api
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.jobs.options import JobOptions
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
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


def pack_by_columns(results: ResultsFolder, record: Record) -> None:
    """Write the same answers in other bytes, as earlier versions did."""
    answered = results.predictions_of(record).answered
    path = results.paths.predictions(record.stem)
    np.savez_compressed(path, predicted=np.asfortranarray(answered.predicted_TA))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file = dataclasses.replace(record.predictions, sha256=sha256)
    results.write(dataclasses.replace(record, predictions=file))


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
