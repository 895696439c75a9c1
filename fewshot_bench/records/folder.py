"""The folder of results: the only reader and writer of records and their predictions."""

from __future__ import annotations

import functools
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED, sweep, user_path, write_atomically
from fewshot_bench.protocols.episode import Episodes, EpisodeSource, FixedEpisodes, prefixes
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.episode_files import read_episodes
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.record import ArrayFile, Record, read_record

__all__ = ["Predictions", "ResultsFolder"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """A record with its episodes and what was answered in them."""

    record: Record
    episodes: Episodes
    answered: Answered

    @property
    def predicted_TNQ(self) -> npt.NDArray[np.uint8]:
        """The class predicted for each query of the ways."""
        shape = self.episodes.query_TNQ.shape
        predicted_TA = self.answered.predicted_TA[:, : shape[1] * shape[2]]
        return predicted_TA.reshape(shape)


class ResultsFolder:
    """The results below one folder.

    Raises `UserError` where the folder cannot be made or written, or, to read only, does not exist.
    """

    def __init__(self, out: Path | str, *, write: bool = True) -> None:
        self.paths = ResultPaths(user_path(out))
        if write:
            self._prepare()
        elif not self.out.is_dir():
            raise UserError(f"--out {out} does not exist; name the folder of a finished run")

    @property
    def out(self) -> Path:
        """The folder."""
        return self.paths.out

    def _prepare(self) -> None:
        """Make the folder, try to write in it, and delete what killed processes left."""
        probe = self.out / ".writable"
        try:
            self.paths.records.mkdir(parents=True, exist_ok=True)
            write_atomically(probe, lambda file: None)
            probe.unlink(missing_ok=True)
            sweep(self.paths.temporary)
        except OSError as error:
            raise UserError(
                f"--out {self.out} cannot be written ({error.strerror}); name a folder that can"
            ) from None

    def __iter__(self) -> Iterator[Record]:
        """All records, in the order of their file names; `UserError` names a file that is none."""
        for path in sorted(self.paths.records.rglob("[!.]*.json")):
            yield self._read(path)

    def find(self, stem: str) -> Record | None:
        """The record with this stem, if it is there and its array is."""
        path = self.paths.record(stem)
        if not path.is_file():
            return None
        record = self._read(path)
        if record.status == "ok" and not self._array_path(record).is_file():
            return None
        return record

    def _read(self, path: Path) -> Record:
        """The record in this file; `UserError` where it is none or lies in a wrong place."""
        try:
            record = read_record(json.loads(path.read_bytes()))
            if not self.paths.is_place_of(path, record.stem):
                raise ValueError(f"its place is {record.stem}")
        except (UserError, *DAMAGED) as error:
            raise UserError(f"{path} is not a record ({error}); remove it and run again") from None
        return record

    def write(self, record: Record, answered: Answered | None = None) -> Record:
        """Keep a record: first its arrays, then the JSON that names their file with its digest."""
        if answered is not None:
            file = io.BytesIO()
            if answered.ranks_TA is None:
                np.savez_compressed(file, predicted=answered.predicted_TA)
            else:
                arrays = (answered.predicted_TA, answered.ranks_TA)
                np.savez_compressed(file, predicted=arrays[0], ranks=arrays[1])
            content = file.getvalue()
            path = self.paths.predictions(record.stem)
            write_atomically(path, lambda out: out.write(content))
            sha256 = hashlib.sha256(content).hexdigest()
            record = replace(record, predictions=ArrayFile(file=path.name, sha256=sha256))
        text = json.dumps(record.as_json(), indent=1) + "\n"
        write_atomically(self.paths.record(record.stem), lambda out: out.write(text.encode()))
        return record

    def remove(self, stem: str) -> None:
        """Remove the record with this stem and its array, where they are there."""
        path = self.paths.record(stem)
        path.unlink(missing_ok=True)
        path.with_suffix(".npz").unlink(missing_ok=True)

    def keep_episodes(self, path: Path) -> str:
        """Keep a file of episodes, so that they can be read again; returns its name here."""
        content = path.read_bytes()
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.npz"
        write_atomically(self.paths.episodes(name), lambda out: out.write(content))
        return name

    def predictions(self, records: Iterable[Record] | None = None) -> list[Predictions]:
        """The predictions of every record that has some.

        records: some of this folder, where they were read already. Records of the same episodes
        come one after another, so that episodes are drawn once.
        """
        every = self if records is None else records
        answered = [record for record in every if record.status == "ok"]
        answered.sort(key=lambda record: record.episodes_digest)
        return [self.predictions_of(record) for record in answered]

    def predictions_of(self, record: Record) -> Predictions:
        """The record with its predictions, and its episodes, which are drawn again and checked.

        Raises `UserError` where a digest differs.
        """
        path = self._array_path(record)
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != record.predictions.sha256:
                raise ValueError("its digest is not the record's")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                predicted = stored["predicted"]
                ranks = stored.get("ranks")
            # checked first, so that a wrong record cannot ask for billions of episodes
            if len(predicted) != record.episodes:
                raise ValueError(f"it holds {len(predicted)} episodes and not {record.episodes}")
            episodes = self._episodes_of(record)
            shape = episodes.all_queries_TA.shape
            answered = Answered(predicted.reshape(shape), _reshaped(ranks, shape))
        except DAMAGED as error:
            raise UserError(
                f"{path} cannot be used ({error}); remove its record and run again"
            ) from None
        return Predictions(record, episodes, answered)

    def _array_path(self, record: Record) -> Path:
        folder = self.paths.record(record.stem).parent
        return folder / Path(record.predictions.file or "missing").name

    def _episodes_of(self, record: Record) -> Episodes:
        source: EpisodeSource
        if record.episodes_file:
            source = self._file_source(record.episodes_file, record.shots)
        else:
            of_data = (record.dataset.digest, record.pool)
            source = record.protocol.drawn(*of_data, record.condition, record.groups)
        first = record.first_episode
        return self._drawn(source, first, record.episodes, record.episodes_digest)

    @functools.lru_cache(maxsize=8)  # noqa: B019  a folder lives as long as its command
    def _file_source(self, name: str, shots: int) -> FixedEpisodes:
        episodes, _ = read_episodes(self.paths.episodes(name))
        return FixedEpisodes(episodes[shots])

    @functools.lru_cache(maxsize=8)  # noqa: B019
    def _drawn(self, source: EpisodeSource, first: int, count: int, digest: str) -> Episodes:
        episodes = source.draw(first, first + count)
        if prefixes(FixedEpisodes(episodes), count)[count] != digest:
            raise UserError(
                f"episodes of {self.out} do not match their digest {digest}; "
                "remove its records and run again"
            )
        return episodes


def _reshaped(
    ranks: npt.NDArray[np.uint16] | None, shape: tuple[int, ...]
) -> npt.NDArray[np.uint16] | None:
    return None if ranks is None else ranks.reshape(shape)
