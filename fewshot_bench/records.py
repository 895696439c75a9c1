"""Results on disk: the only reader and writer of checkpoints, embeddings, records and their arrays.

Below the output folder: `records/DATASET/BASELINE/*.json` with an `.npz` each, `trainings/KEY.safetensors`,
`embeddings/KEY-POOL.safetensors`, `pairs/KEY-POOL.safetensors`, `episodes/DIGEST.npz` (episodes that came from a file).
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fewshot_bench.episode import Episodes, EpisodeSource, FixedEpisodes, Pool, prefixes
from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.protocol import Classification, FewShot, Protocol
from fewshot_bench.split import Size, written

__all__ = ["NO_PREDICTION", "SCHEMA", "Answer", "Record", "Records", "Status", "read_episodes", "write_episodes"]

SCHEMA = 2
Status = Literal["ok", "not applicable", "diverged", "failed"]
Json = dict[str, Any]
NO_PREDICTION = 255  # in the array of predicted classes: padding, no query was asked


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one cell (training x protocol x shot) gave. results/README.md says what each field holds."""

    schema: int = SCHEMA
    key: str
    status: Status
    reason: str = ""
    shots: int
    train_size: Size | None = None
    first_episode: int = 0
    episodes: int
    episodes_digests: dict[int, str]
    episodes_file: str = ""
    protocol: Json
    pool: list[tuple[int, int]]
    dataset: Json
    baseline: Json
    training: Json
    predictions: Json = field(default_factory=dict)
    seconds: Json = field(default_factory=dict)
    provenance: Json = field(default_factory=dict)

    @property
    def episodes_digest(self) -> str:
        """The digest of all its episodes."""
        return self.episodes_digests[self.episodes]

    @property
    def stem(self) -> str:
        """Its files' place below `records/`, without the ending."""
        seed, ways = self.training["seed"], self.asked.ways
        asked = f"{ways}way-{self.shots}shot-seed{seed}" if self.train_size is None else f"train{self.at}-run{seed}"
        return f"{self.dataset['name']}/{self.baseline['name']}/{asked}-{self.key[:16]}"

    @property
    def at(self) -> str:
        """Its shots or, in a classification protocol, its train size."""
        return written(self.shots if self.train_size is None else self.train_size)

    @functools.cached_property
    def asked(self) -> FewShot | Classification:
        """The protocol that `protocol` holds."""
        return Protocol.from_dict(self.protocol)


@dataclass(frozen=True, eq=False)
class Answer:
    """A record with what it was asked and what it answered: the predicted test class (T, N, Q) of each query."""

    record: Record
    episodes: Episodes
    predicted_TNQ: npt.NDArray[np.uint8]


class Records:
    """The results kept below one folder. Raises `UserError` where that folder cannot be made or written."""

    def __init__(self, out: Path, *, write: bool = True) -> None:
        self.out = out
        if write:
            try:
                (out / "records").mkdir(parents=True, exist_ok=True)
                write_atomically(out / ".writable", lambda file: None)
                (out / ".writable").unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"--out {out} cannot be written ({error.strerror}); name a folder that can") from None
        elif not out.is_dir():
            raise UserError(f"--out {out} does not exist; name the folder of a finished run")

    def __iter__(self) -> Iterator[Record]:
        """All records, in the order of their file names; `UserError` names a file that is not one."""
        for path in sorted((self.out / "records").rglob("*.json")):
            yield _read_record(path)

    def find(self, record_stem: str) -> Record | None:
        """The record at this place, if it is there with its array whole."""
        path = self.out / "records" / f"{record_stem}.json"
        if not path.is_file():
            return None
        record = _read_record(path)
        return record if record.status != "ok" or self._array_path(record).is_file() else None

    def write(self, record: Record, predicted_TNQ: npt.NDArray[np.uint8] | None = None) -> Record:
        """Keep a record: first its array, then the JSON that names it with its digest."""
        path = self.out / "records" / f"{record.stem}.json"
        if predicted_TNQ is not None:
            file = io.BytesIO()
            np.savez_compressed(file, predicted=predicted_TNQ.reshape(len(predicted_TNQ), -1))
            content = file.getvalue()
            write_atomically(path.with_suffix(".npz"), lambda out: out.write(content))
            named = {"file": f"{path.stem}.npz", "sha256": hashlib.sha256(content).hexdigest()}
            record = replace(record, predictions=named)
        text = json.dumps(asdict(record), indent=1) + "\n"
        write_atomically(path, lambda out: out.write(text.encode()))
        return record

    def answer(self, record: Record) -> Answer:
        """The record with its episodes, drawn again and checked, and its predictions; `UserError` where they differ."""
        episodes = self._episodes(record)
        path = self._array_path(record)
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != record.predictions["sha256"]:
                raise ValueError("its digest is not the record's")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                predicted = stored["predicted"].reshape(episodes.query_TNQ.shape)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} cannot be used ({error}); remove its record and run again") from None
        return Answer(record, episodes, predicted)

    def _array_path(self, record: Record) -> Path:
        folder = (self.out / "records" / record.stem).parent
        return folder / Path(record.predictions.get("file", "missing")).name

    def _episodes(self, record: Record) -> Episodes:
        return self._drawn(
            record.asked, record.dataset["digest"], tuple(map(tuple, record.pool)), record.train_size or record.shots,
            record.first_episode, record.episodes, record.episodes_digest, record.episodes_file,
        )  # fmt: skip

    @functools.lru_cache(maxsize=8)  # noqa: B019  a reader of records lives as long as its command
    def _drawn(
        self, protocol: Protocol, dataset: str, pool: Pool, at: Size, first: int, count: int, digest: str, file: str
    ) -> Episodes:
        source: EpisodeSource
        if file:
            source = FixedEpisodes(read_episodes(self.out / "episodes" / Path(file).name)[0][int(at)])
        else:
            source = protocol.drawn(dataset, pool, at)
        episodes = source.draw(first, first + count)
        if prefixes(FixedEpisodes(episodes), count)[count] != digest:
            raise UserError(f"episodes of {self.out} do not match their digest {digest}; remove its records and run again")
        return episodes

    def save_tensors(self, place: str, tensors: Mapping[str, torch.Tensor], about: Json) -> None:
        """Keep tensors and what is to be said about them, at `place` below the folder."""
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        content = save(plain, metadata={"about": json.dumps(about)})
        write_atomically(self.out / f"{place}.safetensors", lambda out: out.write(content))

    def load_tensors(self, place: str) -> tuple[dict[str, torch.Tensor], Json] | None:
        """What `save_tensors` kept there, or None; `UserError` where the file is damaged."""
        return self._read_tensors(place, lambda names: names)

    def about(self, place: str) -> Json | None:
        """What is said there about the tensors, which are not read; None or `UserError` as from `load_tensors`."""
        found = self._read_tensors(place, lambda names: [])
        return None if found is None else found[1]

    def _read_tensors(
        self, place: str, wanted: Callable[[list[str]], list[str]]
    ) -> tuple[dict[str, torch.Tensor], Json] | None:
        path = self.out / f"{place}.safetensors"
        if not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in wanted(list(file.keys()))}
                return tensors, json.loads(file.metadata()["about"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); remove it and run again") from None

    def keep_episodes(self, path: Path) -> str:
        """Keep a file of episodes, so that they can be read again; the name it is kept under."""
        content = path.read_bytes()
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.npz"
        write_atomically(self.out / "episodes" / name, lambda out: out.write(content))
        return name


def write_episodes(path: Path, episodes: Mapping[int, Episodes], about: Json) -> None:
    """Episodes by shot value and their description, as one `.npz`.

    Arrays `K/classes` (T, N), `K/support` (T, N, K), `K/query` (T, N, Q), int32, of each shot value K; `about`: JSON.
    """
    arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    for shots, part in episodes.items():
        arrays[f"{shots}/classes"] = part.classes_TN.astype(np.int32)
        arrays[f"{shots}/support"] = part.support_TNK.astype(np.int32)
        arrays[f"{shots}/query"] = part.query_TNQ.astype(np.int32)
    write_atomically(path, lambda out: np.savez_compressed(out, **arrays))


def read_episodes(path: Path) -> tuple[dict[int, Episodes], Json]:
    """What `write_episodes` wrote; raises `UserError` where the file is missing or holds something else."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            Protocol.from_dict(about["protocol"])
            episodes = {
                shots: Episodes(*(stored[f"{shots}/{name}"].astype(np.int64) for name in ("classes", "support", "query")))
                for shots in about["protocol"]["shots"]
            }
            about["dataset_digest"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a file of episodes ({error}); make one with bench episodes") from None
    return episodes, about


def _read_record(path: Path) -> Record:
    try:
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict) or not isinstance(values.get("schema"), int):
            raise ValueError("it has no schema version")
        if values["schema"] > SCHEMA:
            raise ValueError(f"its schema {values['schema']} is newer than {SCHEMA}; update fewshot-bench")
        if values["status"] not in get_args(Status):
            raise ValueError(f"unknown status {values['status']!r}")
        values["episodes_digests"] = {int(count): digest for count, digest in values["episodes_digests"].items()}
        return Record(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a record ({error}); remove it and run again") from None
