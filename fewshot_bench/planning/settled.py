"""What the trainings of a folder of results are computed with, on this machine or another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.learn.encoder import computes_bf16, gains_from_bf16
from fewshot_bench.records.computing import (
    KINDS,
    MOST_THREADS,
    Computing,
    read_computing,
    settle,
    threads_text,
)
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.record import Record
from fewshot_bench.request import Request

__all__ = ["Machine", "SettledFolder", "machine_for"]

AUTO = "auto"
PRECISION = "precision"
PROCESSOR = " processor"  # ends the device of a record that was made on one


@dataclass(frozen=True)
class Machine:
    """What a run may compute with on this machine.

    device: that is named, or the first accelerator, else the processor; is_named: by the user;
    bf16: whether the device computes in it; threads: that torch takes; asked: threads that the
    user names.
    """

    device: torch.device
    is_named: bool
    bf16: bool
    threads: int
    asked: int | None = None

    @property
    def own(self) -> Computing:
        """What trainings are computed with where nothing is settled."""
        threads = self.asked or self.threads
        is_processor = self.device.type == "cpu"
        return Computing(self.device.type, self.bf16, threads if is_processor else None)

    def device_for(self, computing: Computing) -> torch.device:
        """The device to compute on. A folder of a processor is computed on this one's too."""
        if computing.device == "cpu" and not self.is_named:
            return torch.device("cpu")
        return self.device


def machine_for(request: Request) -> Machine:
    """This machine, with the device and threads of a request.

    Raises `UserError` for a device that is not there, and for threads that are out of bounds.
    """
    device = _device_named(request.device)
    threads = request.threads
    if threads is not None and not 0 < threads <= MOST_THREADS:
        raise UserError(f"--threads {threads} is out of bounds (allowed: 1 to {MOST_THREADS})")
    return Machine(
        device,
        is_named=request.device != AUTO,
        bf16=computes_bf16(device),
        threads=torch.get_num_threads(),
        asked=request.threads,
    )


def _device_named(name: str) -> torch.device:
    """The device of that name; `auto` is the first accelerator, else the processor."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == AUTO:
        return torch.device("cuda" if gpus else "cpu")
    numbered = re.fullmatch(r"cuda:(\d+)", name)
    if name not in KINDS and numbered is None:
        raise unknown("device", name, (AUTO, *KINDS, *(f"cuda:{number}" for number in range(gpus))))
    number = int(numbered[1]) if numbered else 0
    if name != "cpu" and not gpus:
        raise UserError(
            f"device {name!r} is not there (torch sees no CUDA device); use --device cpu"
        )
    if number >= gpus and numbered:
        raise UserError(
            f"device {name!r} is not there (allowed: cuda:0 to cuda:{gpus - 1}, as torch sees "
            f"{gpus} of them); name one of these, or auto"
        )
    return torch.device(name)


@dataclass(frozen=True)
class SettledFolder:
    """What is settled in a folder of results.

    computing: what its trainings are computed with; note: how it follows from records, or empty.
    """

    paths: ResultPaths
    machine: Machine
    computing: Computing
    note: str = ""

    @property
    def device(self) -> torch.device:
        """The device to compute on."""
        return self.machine.device_for(self.computing)

    def settled(self, *, needs_bf16: bool) -> SettledFolder:
        """The folder after this, as something is left to train: the file stands in it.

        needs_bf16: whether a training that is missing takes the precision of the folder, and that
        is bf16. Another process may have settled something else meanwhile. Raises `UserError` where
        this machine cannot keep to what is settled.
        """
        self._check(needs_bf16=needs_bf16)
        computing = settle(self.paths.computing, self.computing)
        return replace(self, computing=computing)

    def _check(self, *, needs_bf16: bool) -> None:
        settled = self.computing
        kind = self.device.type
        if kind != settled.device:
            has = {"cpu": "the processor", "cuda": "a GPU"}
            remedy = "leave --device out" if kind == "cuda" else "run it on a machine with a GPU"
            raise self._cannot(
                f"are computed on {has[settled.device]}, and this run on {has[kind]}", remedy
            )
        if needs_bf16 and not self.machine.bf16:
            raise self._cannot(
                "are computed in bf16, which this machine has not", "run it on a machine that has"
            )

    @property
    def _source(self) -> str:
        file = self.paths.computing
        return file.name if file.is_file() else "its newest training"

    def _cannot(self, reason: str, remedy: str) -> UserError:
        return UserError(
            f"the trainings of --out {self.paths.out} {reason} ({self._source}: {self.computing}); "
            f"{remedy}, or name another --out"
        )

    @property
    def notes(self) -> list[str]:
        """What the user should know where something is left to train."""
        notes = [self.note] if self.note else []
        own = self.machine.own
        settled = self.computing
        if settled.threads is not None and own.threads not in (None, settled.threads):
            notes.append(
                f"each training of {self.paths.out} takes {threads_text(settled.threads)}, as its "
                f"first one settled, and not {own.threads}"
            )
        if own.device == "cuda" and settled.device == "cpu":
            notes.append(
                f"the trainings of {self.paths.out} are computed on the processor, as its first "
                "one settled, and not on the GPU that is here; name another --out to use it"
            )
        return notes


def settled_folder(results: ResultsFolder, machine: Machine) -> SettledFolder:
    """What is settled in a folder: by its file; without one, by its newest training; else `own`.

    Raises `UserError` where the file, or a record that is needed, cannot be read.
    """
    stored = read_computing(results.paths.computing)
    if stored is not None:
        return SettledFolder(results.paths, machine, stored)
    trained = _first_of_trainings(results)
    if not trained:
        return SettledFolder(results.paths, machine, machine.own)
    computing = _of_newest(trained, machine)
    note = ""
    if _disagree(trained):
        note = (
            f"the trainings in {results.out} were computed in different ways; new ones are as the "
            f"newest ({computing})"
        )
    return SettledFolder(results.paths, machine, computing, note)


def _first_of_trainings(records: Iterable[Record]) -> list[Record]:
    """The first record of each training that says what it was made with; the newest in front.

    Later ones may have been answered elsewhere, by the checkpoint.
    """
    told = []
    for record in records:
        if record.training.images_passed and record.provenance.device:
            told.append(record)
    told.sort(key=_started)
    first: dict[str, Record] = {}
    for record in told:
        first.setdefault(record.training.key, record)
    return sorted(first.values(), key=_started, reverse=True)


def _started(record: Record) -> str:
    return record.provenance.started


def _of_newest(trained: Sequence[Record], machine: Machine) -> Computing:
    """What the newest of these records was computed with. trained: the newest first."""
    kind = _kind(trained[0])
    of_kind = [record for record in trained if _kind(record) == kind]
    told = [bf16 for record in of_kind if (bf16 := _told_bf16(record)) is not None]
    bf16 = told[0] if told else machine.bf16
    threads = None
    if kind == "cpu":
        threads = trained[0].provenance.threads or machine.threads
    return Computing(kind, bf16, threads)


def _disagree(trained: Sequence[Record]) -> bool:
    ways = set()
    for record in trained:
        threads = record.provenance.threads if _kind(record) == "cpu" else None
        ways.add((_kind(record), threads))
    told = {_told_bf16(record) for record in trained} - {None}
    return len(ways) > 1 or len(told) > 1


def _kind(record: Record) -> str:
    return "cpu" if record.provenance.device.endswith(PROCESSOR) else "cuda"


def _told_bf16(record: Record) -> bool | None:
    """Whether its machine computed in bf16; None where that cannot be told.

    A user may have named the precision, and some encoders train in float32 everywhere.
    """
    baseline = record.baseline
    if PRECISION not in baseline.settings or PRECISION in baseline.settings_given:
        return None
    if not gains_from_bf16(_kind(record), str(baseline.settings.get("encoder", ""))):
        return None
    return bool(baseline.settings[PRECISION] == "bf16")
