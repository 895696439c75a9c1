"""Folders of results: made one, held against each other, and searched for what decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.files import user_path
from fewshot_bench.leaderboard.diff import diff as difference_table
from fewshot_bench.leaderboard.parts import variance_parts
from fewshot_bench.leaderboard.write import write_tables
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.merge import Share, merge_folders
from fewshot_bench.records.predictions import Predictions

__all__ = ["Merged", "diff", "merge", "parts"]

PUBLISHED = Path("results") / "published"
CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, eq=False)
class Merged:
    """What a merge gave.

    table: a row a folder, with the columns of `Share`; files: the tables that were written; notes:
    what the user should know.
    """

    table: pd.DataFrame
    files: list[Path]
    notes: Sequence[str] = ()


def merge(folders: Sequence[Path | str], into: Path | str, *, checkpoints: bool = True) -> Merged:
    """Copy the records of several folders into the folder `into`, and write its tables anew.

    What `into` holds already stays. checkpoints: copy checkpoints of trainings too. Records of one
    key must have the same answers; the one that was made first is kept.

    Raises `UserError`, before anything is written, where a folder is missing, records are damaged
    or not equal, or the data is not the same.
    """
    merged = merge_folders(folders, into, checkpoints=checkpoints)
    _, files = write_tables(ResultsFolder(into, write=False))
    rows = [asdict(share) | {"folder": str(share.folder)} for share in merged.shares]
    columns = [field.name for field in fields(Share)]
    return Merged(pd.DataFrame(rows, columns=columns), files, merged.notes)


def diff(first: Path | str, second: Path | str) -> pd.DataFrame:
    """What differs between two folders of results, A and B, a row for each row of a leaderboard.

    first, second: folders, or names of published ones, such as "neu-heldout-quick". The column
    `verdict`: same bits, within the error, moved (by Holm over all differences), not tested, other
    status, only in A, only in B, or ambiguous. Differences are B less A, as fractions.

    Raises `UserError` for a folder that is missing or has no record, and for damaged records.
    """
    return difference_table(_results_of(first), _results_of(second))


def parts(folders: Sequence[Path | str]) -> pd.DataFrame:
    """How much of the spread in accuracy comes from each choice, over the results of all folders.

    folders: paths, or names of published ones. A record that several have counts once. A row a
    source (features, training objective, decision rule, other settings, split, training seed, draw
    of pictures) for each question and shot value or train size; `spread` and `share` are fractions,
    with 95 % intervals; see `fewshot_bench/stats/variance_parts.py`.

    Raises `UserError` for a folder that is missing or has no record, and for damaged records.
    """
    found: dict[str, Predictions] = {}
    for place in folders:
        for one in _results_of(place).predictions():
            found.setdefault(one.record.key, one)
    return variance_parts(found.values())


def _results_of(place: Path | str) -> ResultsFolder:
    """The folder at this path, or the published one of this name."""
    path = user_path(place)
    if not path.is_dir():
        path = _published(str(place))
    folder = ResultsFolder(path, write=False)
    if next(iter(folder), None) is None:
        raise UserError(f"{place} holds no record; name the folder of a finished run")
    return folder


def _published(name: str) -> Path:
    folders: dict[str, Path] = {}
    for root in (CHECKOUT / PUBLISHED, PUBLISHED):
        for records in sorted(root.glob("*/records")):
            folders[records.parent.name] = records.parent
    if name not in folders:
        remedy = "or name the folder of a finished run"
        raise unknown("folder of results", name, sorted(folders), remedy)
    return folders[name]
