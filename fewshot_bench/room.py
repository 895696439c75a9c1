"""Room on the disk: what the cache holds, and what of a folder of results can be made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fewshot_bench.data import cache_files
from fewshot_bench.data.cache import Content, contents
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.leftovers import leftovers, remove

__all__ = ["CACHE_COLUMNS", "cache", "clean", "clear_cache"]

CACHE_COLUMNS = ("kind", "dataset", "images", "classes", "bytes", "used", "file")


def cache() -> pd.DataFrame:
    """What the cache holds, a row an entry; what was used least recently first.

    Columns: kind (images, features, or copies: of a search for near-duplicates), dataset, images,
    classes, bytes, used (the day), file.
    """
    rows = []
    for content in contents():
        entry = content.entry
        row = {
            "kind": _kind_of(content),
            "dataset": content.dataset,
            "images": content.images,
            "classes": content.classes,
            "bytes": entry.size,
            "used": entry.day,
            "file": entry.paths[0].name,
        }
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(CACHE_COLUMNS))
    return frame.astype({"images": "Int64", "classes": "Int64"})


def _kind_of(content: Content) -> str:
    if content.entry.is_features:
        return "features"
    return "copies" if content.images is None else "images"


def clear_cache(older_than: float = 0) -> tuple[int, int]:
    """Remove what is in the cache and was not used for `older_than` days.

    Returns how many bytes were removed, and how many stay because a process is using them.
    """
    dropped, kept = cache_files.clear(older_than)
    return sum(entry.size for entry in dropped), sum(entry.size for entry in kept)


def clean(out: Path | str = "results", *, dry_run: bool = False) -> pd.DataFrame:
    """Remove from a folder of results what can be made again, and no record.

    What a process works with stays, and what a stopped training goes on from. dry_run: remove
    nothing. A row a kind: kind (checkpoint, features, pair scores, claim), files, bytes: what was
    removed, or would be. Raises `UserError` where the folder does not exist.
    """
    results = ResultsFolder(out, write=False)
    found = leftovers(results)
    removed = found if dry_run else remove(results, found)
    rows = [(leftover.kind, 1, leftover.size) for leftover in removed]
    frame = pd.DataFrame(rows, columns=["kind", "files", "bytes"])
    return frame.groupby("kind", as_index=False, sort=False).sum()
