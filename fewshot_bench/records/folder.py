"""Results on disk: the only reader and writer of checkpoints, embeddings, records and their arrays.

Below the output folder: `records/DATASET/BASELINE/*.json` with an `.npz` each, `trainings/KEY.safetensors`,
`embeddings/KEY-POOL.safetensors`, `pairs/KEY-POOL.safetensors`, `episodes/DIGEST.npz` (episodes that came from a file).
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.files import DAMAGED, sweep, write_atomically
from fewshot_bench.protocols.episode import Episodes, EpisodeSource, FixedEpisodes, Pool, prefixes
from fewshot_bench.protocols.protocol import Protocol
from fewshot_bench.protocols.split import Size
from fewshot_bench.records.record import Json, Record, read_record

__all__ = ["NO_PREDICTION", "Predictions", "ResultsFolder", "read_episodes", "write_episodes"]

FOLDERS = ("records", "trainings", "embeddings", "pairs", "episodes", "plots")
NO_PREDICTION = 255  # in the array of predicted classes: padding, no query was asked


@dataclass(frozen=True, eq=False)
class Predictions:
    """A record with what it was asked and what it answered: the predicted test class (T, N, Q) of each query."""

    record: Record
    episodes: Episodes
    predicted_TNQ: npt.NDArray[np.uint8]


class ResultsFolder:
    """The results kept below one folder. Raises `UserError` where that folder cannot be made or written."""

    def __init__(self, out: Path | str, *, write: bool = True) -> None:
        self.out = out = Path(out)
        if write:
            try:
                (out / "records").mkdir(parents=True, exist_ok=True)
                write_atomically(out / ".writable", lambda file: None)
                (out / ".writable").unlink(missing_ok=True)
                sweep(
                    path
                    for pattern in (".*", *(f"{folder}/**/.*" for folder in FOLDERS))
                    for path in out.glob(pattern)
                )
            except OSError as error:
                raise UserError(
                    f"--out {out} cannot be written ({error.strerror}); name a folder that can"
                ) from None
        elif not out.is_dir():
            raise UserError(f"--out {out} does not exist; name the folder of a finished run")

    def __iter__(self) -> Iterator[Record]:
        """All records, in the order of their file names; `UserError` names a file that is not one."""
        for path in sorted((self.out / "records").rglob("*.json")):
            yield self._read(path)

    def find(self, record_stem: str) -> Record | None:
        """The record at this place, if it is there with its array whole."""
        path = self.out / "records" / f"{record_stem}.json"
        if not path.is_file():
            return None
        record = self._read(path)
        return record if record.status != "ok" or self._array_path(record).is_file() else None

    def _read(self, path: Path) -> Record:
        """The record in this file; `UserError` where it is none, or lies where it does not belong."""
        try:
            record = read_record(json.loads(path.read_bytes()))
            place = path.relative_to(self.out / "records").with_suffix("").as_posix()
            if record.stem != place:
                raise ValueError(f"its place is {record.stem}")
        except (UserError, *DAMAGED) as error:
            raise UserError(f"{path} is not a record ({error}); remove it and run again") from None
        return record

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

    def answer(self, record: Record) -> Predictions:
        """The record with its episodes, drawn again and checked, and its predictions; `UserError` where they differ."""
        path = self._array_path(record)
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != record.predictions["sha256"]:
                raise ValueError("its digest is not the record's")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                predicted = stored["predicted"]
            if len(predicted) != record.episodes:  # before as many are drawn
                raise ValueError(f"it holds {len(predicted)} episodes and not {record.episodes}")
            episodes = self._episodes(record)
            predicted = predicted.reshape(episodes.query_TNQ.shape)
        except DAMAGED as error:
            raise UserError(
                f"{path} cannot be used ({error}); remove its record and run again"
            ) from None
        return Predictions(record, episodes, predicted)

    def answers(self, baselines: Sequence[str] | None = None) -> list[Predictions]:
        """Every record that has an answer, of some baselines; those of the same episodes together, so that these are drawn
        once. `UserError` for a baseline that there is none of.
        """
        answered = sorted(
            (r for r in self if r.status == "ok"), key=lambda record: record.episodes_digest
        )
        names = sorted({record.baseline["name"] for record in answered})
        for name in baselines or ():
            if name not in names:
                raise unknown("baseline of the results", name, names)
        return [
            self.answer(r) for r in answered if baselines is None or r.baseline["name"] in baselines
        ]

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
        self,
        protocol: Protocol,
        dataset: str,
        pool: Pool,
        at: Size,
        first: int,
        count: int,
        digest: str,
        file: str,
    ) -> Episodes:
        source: EpisodeSource
        if file:
            source = FixedEpisodes(
                read_episodes(self.out / "episodes" / Path(file).name)[0][int(at)]
            )
        else:
            source = protocol.drawn(dataset, pool, at)
        episodes = source.draw(first, first + count)
        if prefixes(FixedEpisodes(episodes), count)[count] != digest:
            raise UserError(
                f"episodes of {self.out} do not match their digest {digest}; remove its records and run again"
            )
        return episodes

    def save_tensors(self, place: str, tensors: Mapping[str, torch.Tensor], about: Json) -> None:
        """Keep tensors and what is to be said about them, at `place` below the folder."""
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        content = save(plain, metadata={"about": json.dumps(about)})
        write_atomically(self.out / f"{place}.safetensors", lambda out: out.write(content))

    def need_space(self, size: int) -> None:
        """Raise `UserError` where the disk cannot hold twice what one file of `size` bytes takes, old and new."""
        free, needed = (
            size / 2**20 for size in (shutil.disk_usage(self.out).free, 2 * size)
        )  # MiB
        if free < needed:
            raise UserError(
                f"the disk of --out has {free:.0f} MiB free and a training needs {needed:.0f} to be kept; "
                "make room or name a folder on another disk"
            )

    def remove(self, record_stem: str) -> None:
        """Remove the record at this place, where there is one, and its array."""
        for ending in (".json", ".npz"):
            (self.out / "records" / f"{record_stem}{ending}").unlink(missing_ok=True)

    def forget(self, *places: str) -> None:
        """Remove what `save_tensors` kept there, where there is something."""
        for place in places:
            (self.out / f"{place}.safetensors").unlink(missing_ok=True)

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
        except (SafetensorError, *DAMAGED) as error:
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
                shots: Episodes(
                    *(
                        stored[f"{shots}/{name}"].astype(np.int64)
                        for name in ("classes", "support", "query")
                    )
                )
                for shots in about["protocol"]["shots"]
            }
            about["dataset_digest"]
    except DAMAGED as error:
        raise UserError(
            f"{path} is not a file of episodes ({error}); make one with bench episodes"
        ) from None
    return episodes, about
