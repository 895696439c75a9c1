"""Folders of results become one: all that they hold is checked before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path, write_atomically
from fewshot_bench.records.answered import NO_PREDICTION, Answered
from fewshot_bench.records.computing import Computing, read_computing
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.records.tensors import read_about

__all__ = ["Merge", "Share", "changed_answers", "merge_folders", "same_answers"]

MOST_NAMED = 5  # files in one message; of more, the rest is counted
# of a folder of results, what a run reads again: no other folder of results may lie in there
OWN_FOLDERS = ("records", "trainings", "embeddings", "pairs", "episodes", "claims", "plots")


@dataclass(frozen=True, eq=False)
class Holding:
    """What one of the folders holds, by stem."""

    folder: ResultsFolder
    records: dict[str, Record]


@dataclass
class Share:
    """What one folder gave.

    records: that it holds; kept: that are in the merged folder now; same: that another folder holds
    too, with the same answers, and whose older copy was kept; failed: that gave way to a result of
    another folder; checkpoints: that are in the merged folder now.
    """

    folder: Path
    records: int
    kept: int = 0
    same: int = 0
    failed: int = 0
    checkpoints: int = 0


@dataclass(frozen=True)
class Merge:
    """What a merge did. notes: what the user should know."""

    shares: list[Share]
    notes: list[str]


def merge_folders(
    folders: Sequence[Path | str], into: Path | str, *, checkpoints: bool = True
) -> Merge:
    """Copy the records of all folders, their arrays and files of episodes into the folder `into`.

    What `into` holds already counts as one more folder, the first. Records of one key must have the
    same status and answers: the one that was made first is kept, so the order of the folders does
    not matter. A record that `failed` gives way to any other. Files are copied byte by byte, and
    the JSON of a record last, so a merge that is stopped is completed by the same call.

    checkpoints: copy those of the records' trainings too; where several folders have one, the first
    folder's. Features and pair scores are never copied: they are made again where they are needed.
    What trainings are computed with is that of the first folder in which it is settled.

    Raises `UserError`, before anything is written, for a folder that is missing or has no record,
    for damaged files, for records of one key that differ, and for one data set with two digests.
    """
    target = user_path(into)
    holdings = _holdings(_inputs(folders, target))
    _refuse_other_data(holdings)
    chosen = _chosen(holdings)
    sources = _checkpoints(holdings) if checkpoints else {}
    computings = _computings(holdings)
    notes = [*_computing_notes(computings), *_training_notes(holdings, chosen)]

    merged = _prepared(into)
    shares = [Share(one.folder.out, len(one.records)) for one in holdings]
    for stem, index in chosen.items():
        _copy(holdings[index], stem, merged)
        shares[index].kept += 1
        for holding, share in zip(holdings, shares, strict=True):
            record = holding.records.get(stem)
            if record is None or share is shares[index]:
                continue
            if record.status == holdings[index].records[stem].status:
                share.same += 1
            else:
                share.failed += 1
    for key, index in sources.items():
        source = holdings[index].folder.paths.checkpoint(key)
        _copy_file(source, merged.paths.checkpoint(key))
        shares[index].checkpoints += 1
    if computings:
        _copy_file(next(iter(computings)), merged.paths.computing)
    return Merge(shares, notes)


def _inputs(folders: Sequence[Path | str], target: Path) -> list[Path]:
    """The folders to read, each once: first the target, if it has records."""
    inputs: dict[Path, Path] = {}
    if _stems(target):
        inputs[target.resolve()] = target
    others = 0
    for named in folders:
        folder = user_path(named)
        if not folder.is_dir():
            raise UserError(f"{named} is no folder; name folders of finished runs")
        if not _stems(folder):
            raise UserError(f"{named} holds no record; name folders of finished runs")
        _refuse_nested(folder, target)
        place = folder.resolve()
        if place != target.resolve():
            others += 1
            if place in inputs:
                raise UserError(f"{named} is named twice; leave one out")
        inputs[place] = folder
    if not others:
        raise UserError(f"there is nothing to merge into {target}; name at least one other folder")
    return list(inputs.values())


def _refuse_nested(folder: Path, target: Path) -> None:
    for outer, inner in ((folder, target), (target, folder)):
        for name in OWN_FOLDERS:
            if inner.resolve().is_relative_to((outer / name).resolve()):
                raise UserError(
                    f"{inner} lies in {outer / name}, which is a part of {outer}; "
                    "name a folder outside of it"
                )


def _stems(folder: Path) -> list[str]:
    """The places of all records below `records/`, without the ending."""
    root = ResultsFolder(folder, write=False).paths.records if folder.is_dir() else folder
    if not root.is_dir():
        return []
    paths = sorted(root.rglob("[!.]*.json"))
    return [path.relative_to(root).with_suffix("").as_posix() for path in paths]


def _holdings(folders: Sequence[Path]) -> list[Holding]:
    """What each folder holds, with all arrays read once; every damaged record is named at once."""
    holdings = []
    damages: list[str] = []
    for path in folders:
        folder = ResultsFolder(path, write=False)
        holding = Holding(folder, {})
        damages += _read_into(holding, _stems(path))
        damages += _unreadable_answers(holding)
        holdings.append(holding)
    if damages:
        raise UserError(f"nothing was merged: {_listed(damages)}")
    return holdings


def _read_into(holding: Holding, stems: Sequence[str]) -> Iterator[str]:
    """Read the records; yields what is wrong with those that cannot be read."""
    for stem in stems:
        try:
            record = holding.folder.find(stem)
        except UserError as error:
            yield str(error)
            continue
        if record is None:
            path = holding.folder.paths.record(stem)
            yield f"{path} has lost its array; remove it and run again"
        else:
            holding.records[record.stem] = record


def _unreadable_answers(holding: Holding) -> Iterator[str]:
    answered = [record for record in holding.records.values() if record.status == "ok"]
    # so that episodes are drawn once
    answered.sort(key=lambda record: record.episodes_digest)
    for record in answered:
        try:
            holding.folder.predictions_of(record)
        except UserError as error:
            yield str(error)


def _refuse_other_data(holdings: Sequence[Holding]) -> None:
    """Raise `UserError` where a data set would have more digests in one folder than in any yet."""
    digests: dict[str, list[set[str]]] = {}  # by data set, of each folder
    for holding in holdings:
        of_folder: dict[str, set[str]] = {}
        for record in holding.records.values():
            of_folder.setdefault(record.dataset.name, set()).add(record.dataset.digest)
        for name, values in of_folder.items():
            digests.setdefault(name, []).append(values)
    for name, of_folders in digests.items():
        together = set().union(*of_folders)
        if together not in of_folders:
            texts: list[str] = []
            for holding in holdings:
                texts += _digests_text(holding, name)
            raise UserError(
                f"{name} is not the same data in these folders: {', '.join(texts)}; its rows would "
                "stand in tables of their own, so keep the folders apart"
            )


def _digests_text(holding: Holding, dataset: str) -> Iterator[str]:
    records = holding.records.values()
    found = {one.dataset.digest[:12] for one in records if one.dataset.name == dataset}
    if found:
        yield f"digest {' and '.join(sorted(found))} in {holding.folder.out}"


def _chosen(holdings: Sequence[Holding]) -> dict[str, int]:
    """Of each stem, the position of the folder whose record is kept.

    Raises `UserError` for records of one key that are not the same result.
    """
    stems = sorted(set().union(*(holding.records for holding in holdings)))
    chosen = {}
    unequal = []
    for stem in stems:
        candidates = []
        for index, holding in enumerate(holdings):
            if stem in holding.records:
                candidates.append(index)
        # what failed is tried again by every run, so it is no result
        results = [one for one in candidates if holdings[one].records[stem].status != "failed"]
        candidates = results or candidates
        first = holdings[candidates[0]]
        for index in candidates[1:]:
            reason = _what_differs(first, holdings[index], stem)
            if reason:
                paths = [one.folder.paths.record(stem) for one in (first, holdings[index])]
                unequal.append(f"{paths[0]} and {paths[1]} ({reason})")
        chosen[stem] = min(candidates, key=lambda index: _age(holdings[index], stem))
    if unequal:
        raise UserError(
            f"nothing was merged: records of the same key are not equal: {_listed(unequal)}; keep "
            "these folders apart and look at them with bench diff, or remove one of each two"
        )
    return chosen


def _age(holding: Holding, stem: str) -> tuple[bool, str, bytes]:
    """Sorts records of one key: that which was made first, and where they are alike any order."""
    started = holding.records[stem].provenance.started
    content = holding.folder.paths.record(stem).read_bytes()
    return not started, started, content


def _what_differs(first: Holding, second: Holding, stem: str) -> str:
    """In what two records of one place are not the same result; empty if they are."""
    one = first.records[stem]
    other = second.records[stem]
    if one.key != other.key:
        return f"keys {one.key} and {other.key}"
    if one.status != other.status:
        return f"{one.status} and {other.status}"
    if one.status != "ok" or one.predictions.sha256 == other.predictions.sha256:
        return ""
    # the same answers may be packed into other bytes by another zlib
    answers = [
        first.folder.predictions_of(one).answered,
        second.folder.predictions_of(other).answered,
    ]
    if same_answers(*answers):
        return ""
    predicted = [one.predicted_TA for one in answers]
    changed, count = changed_answers(*predicted)
    return f"{changed:,} of {count:,} answers differ" if changed else "ranks differ"


def same_answers(first: Answered, second: Answered) -> bool:
    """Whether two trainings answered the same, in the same order of their scores if it was kept."""
    if not np.array_equal(first.predicted_TA, second.predicted_TA):
        return False
    if first.ranks_TA is None or second.ranks_TA is None:
        return first.ranks_TA is second.ranks_TA
    return np.array_equal(first.ranks_TA, second.ranks_TA)


def changed_answers(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """How many answers differ, of how many; all of them where the two are of another shape."""
    count = int((first != NO_PREDICTION).sum())
    if first.shape != second.shape:
        return count, count
    return int((first != second).sum()), count


def _checkpoints(holdings: Sequence[Holding]) -> dict[str, int]:
    """Of the training of each record that is kept as a file, the first folder that has the file.

    Raises `UserError` where such a file is damaged.
    """
    found: dict[str, int] = {}
    for index, holding in enumerate(holdings):
        keys = {record.training.key for record in holding.records.values()}
        for key in sorted(keys - set(found)):
            if read_about(holding.folder.paths.checkpoint(key)) is not None:
                found[key] = index
    return found


def _computings(holdings: Sequence[Holding]) -> dict[Path, Computing]:
    """What trainings are computed with, by the file in which it is settled.

    Raises `UserError` where such a file is damaged.
    """
    found = {}
    for holding in holdings:
        path = holding.folder.paths.computing
        computing = read_computing(path)
        if computing is not None:
            found[path] = computing
    return found


def _computing_notes(computings: Mapping[Path, Computing]) -> Iterator[str]:
    if len(set(computings.values())) > 1:
        texts = [f"{path.parent}: {computing}" for path, computing in computings.items()]
        yield (
            f"trainings of these folders were computed in different ways ({'; '.join(texts)}); "
            "new ones will be as the first"
        )


def _training_notes(holdings: Sequence[Holding], chosen: Mapping[str, int]) -> Iterator[str]:
    """Trainings of one key that differ: other machines make them with other last digits."""
    courses: dict[str, set[object]] = {}
    for stem, index in chosen.items():
        training = holdings[index].records[stem].training
        if training.history:
            courses.setdefault(training.key, set()).add(training.history)
    twice = sum(len(of_training) > 1 for of_training in courses.values())
    if twice:
        noun = "training was" if twice == 1 else "trainings were"
        yield (
            f"{twice} {noun} made in several folders, with other losses; their records of other "
            "shot values or rules stand side by side"
        )


def _prepared(into: Path | str) -> ResultsFolder:
    try:
        return ResultsFolder(into)
    except UserError as error:
        text = str(error)
        raise UserError(text.replace("--out", "--into", 1)) from None


def _copy(holding: Holding, stem: str, merged: ResultsFolder) -> None:
    """Copy one record; it is there whole or not at all."""
    source = holding.folder.paths
    target = merged.paths
    if source.records.resolve() == target.records.resolve():
        return
    record = holding.records[stem]
    if record.episodes_file:
        _copy_file(source.episodes(record.episodes_file), target.episodes(record.episodes_file))
    path = target.record(stem)
    if record.status == "ok":
        there = merged.find(stem)
        if there is not None and there.predictions.sha256 != record.predictions.sha256:
            # a JSON beside an array that is not its own would be a damaged record
            path.unlink()
        _copy_file(source.predictions(stem), path.with_suffix(".npz"), anew=True)
    _copy_file(source.record(stem), path, anew=True)


def _copy_file(source: Path, target: Path, *, anew: bool = False) -> None:
    """Copy a file whole or not at all. anew: also where there is one already."""
    if target.exists() and not anew:
        return
    with source.open("rb") as content:
        write_atomically(target, lambda file: shutil.copyfileobj(content, file))


def _listed(texts: Sequence[str]) -> str:
    """The first few, and how many there are beside them."""
    named = "; ".join(texts[:MOST_NAMED])
    others = len(texts) - MOST_NAMED
    return f"{named}; and {others} more" if others > 0 else named
