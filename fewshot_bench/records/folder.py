"""The folder of results: the only reader and writer of records and their predictions."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from fewshot_bench.data.reading import told
from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED, sweep, user_path, write_atomically
from fewshot_bench.protocols.episode import EpisodeSource, FixedEpisodes, prefixes
from fewshot_bench.records.answer_files import AnswerFile, AnswerWriter, write_answers
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.episode_files import read_episodes
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.predictions import EpisodeRun, Predictions
from fewshot_bench.records.record import Record, read_record

__all__ = ["Predictions", "ResultsFolder"]


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
        paths = sorted(self.paths.records.rglob("[!.]*.json"))
        for path in told(paths, "reading records", len(paths)):
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
            record = self.with_answers(record, lambda writer: writer.add(answered))
        text = json.dumps(record.as_json(), indent=1) + "\n"
        write_atomically(self.paths.record(record.stem), lambda out: out.write(text.encode()))
        return record

    def with_answers(self, record: Record, answer: Callable[[AnswerWriter], object]) -> Record:
        """Keep the arrays of a record, which `answer` gives to the writer part by part.

        Returns the record that names their file; it is to be written yet.
        """
        path = self.paths.predictions(record.stem)
        return replace(record, predictions=write_answers(path, record.episodes, answer))

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
        in_turn = told(answered, "reading answers", len(answered))
        return [self.predictions_of(record) for record in in_turn]

    def predictions_of(self, record: Record) -> Predictions:
        """The record with its predictions, and its episodes, which are drawn again and checked.

        Neither is held in memory where they are many. Raises `UserError` where a digest differs.
        """
        path = self._array_path(record)
        try:
            run = self._episodes_of(record)
            file = AnswerFile(path, record.predictions.sha256, record.episodes, run.queries)
            # checked first, so that a wrong record cannot ask for billions of episodes
            predictions = Predictions(record, run, file)
            predictions.check()
            self._check_episodes(run, record.episodes_digest)
        except DAMAGED as error:
            raise UserError(
                f"{path} cannot be used ({error}); remove its record and run again"
            ) from None
        return predictions

    def _array_path(self, record: Record) -> Path:
        folder = self.paths.record(record.stem).parent
        return folder / Path(record.predictions.file or "missing").name

    def _episodes_of(self, record: Record) -> EpisodeRun:
        source: EpisodeSource
        if record.episodes_file:
            source = self._file_source(record.episodes_file, record.shots)
        else:
            of_data = (record.dataset.digest, record.pool)
            source = record.protocol.drawn(*of_data, record.condition, record.groups)
        images = max(first + count for first, count in record.pool)
        return self._run(source, record.first_episode, record.episodes, images)

    @functools.lru_cache(maxsize=8)  # noqa: B019  a folder lives as long as its command
    def _file_source(self, name: str, shots: int) -> FixedEpisodes:
        episodes, _ = read_episodes(self.paths.episodes(name))
        return FixedEpisodes(episodes[shots])

    @functools.cache  # noqa: B019  a run holds no episodes
    def _run(self, source: EpisodeSource, first: int, count: int, images: int) -> EpisodeRun:
        return EpisodeRun(source, first, count, images)

    @functools.cache  # noqa: B019
    def _check_episodes(self, run: EpisodeRun, digest: str) -> None:
        if prefixes(run, run.count)[run.count] != digest:
            raise UserError(
                f"episodes of {self.out} do not match their digest {digest}; "
                "remove its records and run again"
            )
