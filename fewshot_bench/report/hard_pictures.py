"""The hardest test pictures of a folder of results, as a table and a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.leaderboard.hardest import hardest as hardest_images
from fewshot_bench.leaderboard.names import records_at, records_named, row_names
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.report.at_hand import images_of
from fewshot_bench.report.draw import can_plot, write_pictures
from fewshot_bench.request import Request

__all__ = ["MOST", "HardPictures", "hardest"]

MOST = 300  # pictures of a sheet


@dataclass(frozen=True, eq=False)
class HardPictures:
    """What `hardest` gave.

    table: a row a picture, see `columns.HARDEST`, with the column `picture`, the name of its file;
    files: the sheet; notes: what the user should know of them.
    """

    table: pd.DataFrame
    files: list[Path]
    notes: list[str]


def hardest(
    out: Path | str = "results",
    number: int = 24,
    *,
    baselines: Sequence[str] | None = None,
    shots: Sequence[int] | None = None,
    request: Request | None = None,
    plugins: Sequence[Path | str] = (),
) -> HardPictures:
    """Draw the test pictures that were most often answered wrongly, and give them as a table.

    number: how many; baselines, shots: of which methods and shot values, None: of all; request:
    where and how the data set is read, as in the run.
    Raises `UserError` where the pictures are not at hand, where the folder has results of several
    data sets and the request names none, and where there is nothing to show.
    """
    can_plot("bench show --hardest")
    from fewshot_bench.report.sheet import hardest_pictures

    if not 1 <= number <= MOST:
        raise UserError(f"--hardest {number} is out of bounds (allowed: 1 to {MOST})")
    results = ResultsFolder(out, write=False)
    every = list(results)
    named = records_named(baselines, every, row_names(every))
    answered = [record for record in records_at(shots, named) if record.status == "ok"]
    reading = request or Request()
    of_name = _of_one_data_set(answered, reading.dataset, out)
    data = images_of(of_name, reading, Registry(plugins))
    records = [record for record in of_name if record.dataset.digest == data.digest]
    notes = []
    if len(records) < len(of_name):
        others = len(of_name) - len(records)
        notes.append(f"{others} of {len(of_name)} records are of other pictures and left out")
    frame = hardest_images(results.predictions(records))
    if frame.empty:
        raise UserError(
            f"--out {out} has no result in which pictures were put into classes (pairs have none); "
            f"run bench run --out {out} first"
        )
    first = frame.head(number)
    table = first.assign(picture=[data.files[image] for image in first["image"]])
    drawn = hardest_pictures(data, table, len(frame))
    return HardPictures(table, write_pictures([drawn], results.paths), notes)


def _of_one_data_set(records: Sequence[Record], name: str | None, out: Path | str) -> list[Record]:
    """The records of the data set of this name, or of the only one.

    Images may be called after their data set with something behind it, such as -subset.
    """
    names = sorted({record.dataset.name for record in records})
    chosen = names
    if name is not None:
        chosen = [one for one in names if f"{one}-".startswith(f"{name}-")]
    match chosen:
        case [only]:
            return [record for record in records if record.dataset.name == only]
        case []:
            if not names:
                raise UserError(f"--out {out} has no result; run bench run --out {out} first")
            raise unknown("data set of the results", str(name), names)
        case _:
            raise UserError(
                f"--out {out} has results on {len(chosen)} data sets (allowed: "
                f"{', '.join(chosen)}); name one with --dataset"
            )
