"""The CSV files of a folder of results, written anew from its records."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard.costs import timings
from fewshot_bench.leaderboard.recall import recalls
from fewshot_bench.leaderboard.tables import csv_text, leaderboard, splits, wide
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder

__all__ = ["write_table", "write_tables"]


def write_tables(folder: ResultsFolder) -> tuple[pd.DataFrame, list[Path]]:
    """The leaderboard of all records, and the files that were written.

    These are leaderboard.csv (long), leaderboard-wide.csv and timings.csv; after a run over all
    splits splits.csv, and of classification protocols recalls.csv. Raises `UserError` where there
    is no record.
    """
    # of several processes at once, the last one has seen the records of all
    with Claims(folder.paths.claims).waited_for("tables"):
        return _write_tables(folder)


def _write_tables(folder: ResultsFolder) -> tuple[pd.DataFrame, list[Path]]:
    records = list(folder)
    predictions = folder.predictions(records)
    without = [record for record in records if record.status != "ok"]
    table = leaderboard(predictions, without)
    if table.empty:
        out = folder.out
        raise UserError(f"--out {out} holds no record; run bench run --out {out} first")
    contents = {
        "leaderboard.csv": table,
        "leaderboard-wide.csv": wide(table),
        "timings.csv": timings(records),
    }
    of_splits = splits(table)
    if not of_splits.empty:
        contents["splits.csv"] = of_splits
    of_classes = recalls(predictions)
    if not of_classes.empty:
        contents["recalls.csv"] = of_classes
    files = []
    for name, frame in contents.items():
        path = folder.paths.table(name)
        write_table(path, frame)
        files.append(path)
    return table, files


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as a CSV file."""
    content = csv_text(frame).encode()
    write_atomically(path, lambda file: file.write(content))
