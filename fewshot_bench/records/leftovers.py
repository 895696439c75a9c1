"""What a folder of results holds that can be made again: checkpoints, features, old claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.cache_files import size_text
from fewshot_bench.errors import unknown
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

__all__ = ["Leftover", "check_kept", "drop_checkpoints", "leftovers", "remove"]

# what a run may keep: no checkpoint; of each method, those of the last run that had it; all
KEPT_CHECKPOINTS = ("none", "last", "all")
CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Leftover:
    """A file that can be made again. claim: who holds it uses the file; size: bytes."""

    kind: str
    path: Path
    claim: str
    size: int


def leftovers(results: ResultsFolder) -> list[Leftover]:
    """All of a folder; no record, and no training that a stopped run goes on with."""
    paths = results.paths
    found = list(_checkpoints(results))
    folders = {"features": paths.embeddings_folder, "pair scores": paths.pairs_folder}
    for kind, folder in folders.items():
        for path in sorted(folder.glob("[!.]*.safetensors")):
            found.append(Leftover(kind, path, "", path.stat().st_size))
    for path in sorted(paths.claims.glob("[!.]*.json")):
        found.append(Leftover("claim", path, path.stem, path.stat().st_size))
    return found


def remove(results: ResultsFolder, chosen: Iterable[Leftover]) -> list[Leftover]:
    """Remove files; those that were removed. What a process works with stays."""
    claims = Claims(results.paths.claims)
    removed = []
    for leftover in chosen:
        if leftover.claim:
            with claims.held(leftover.claim) as holder:
                if holder:
                    continue
                leftover.path.unlink(missing_ok=True)
        else:
            leftover.path.unlink(missing_ok=True)
        removed.append(leftover)
    return removed


def drop_checkpoints(results: ResultsFolder, of_run: Collection[Record], kept: str) -> list[str]:
    """Remove checkpoints after a run; a note if there were some.

    of_run: the records of the run; kept: one of `KEPT_CHECKPOINTS`.
    """
    if kept == "all":
        return []
    keys = {record.training.key for record in of_run}
    dropped = set(keys)
    if kept == "last":
        methods = {record.baseline.name for record in of_run}
        every = {record.training.key for record in results if record.baseline.name in methods}
        dropped = every - keys
    chosen = [one for one in _checkpoints(results) if one.path.stem in dropped]
    removed = remove(results, chosen)
    if not removed:
        return []
    size = size_text(sum(leftover.size for leftover in removed))
    return [
        f"{len(removed)} checkpoints were removed ({size}), as --keep-checkpoints {kept} says; all "
        "keeps them"
    ]


def check_kept(kept: str) -> None:
    """Raise `UserError` for what is none of `KEPT_CHECKPOINTS`."""
    if kept not in KEPT_CHECKPOINTS:
        raise unknown("value of --keep-checkpoints", kept, KEPT_CHECKPOINTS)


def _checkpoints(results: ResultsFolder) -> Iterator[Leftover]:
    for path in sorted(results.paths.checkpoints_folder.glob("[!.]*.safetensors")):
        if not path.stem.endswith(".unfinished"):  # a stopped run goes on with these
            yield Leftover(CHECKPOINT, path, path.stem, path.stat().st_size)
