"""Where everything lies below the folder of results: the only place that knows."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.protocols.split import Size, size_text

__all__ = ["ResultPaths", "portable_name", "record_stem"]

# refused by some file system: NTFS, exFAT and SMB take fewer letters than others
LETTERS = r'[\x00-\x1f\x7f<>:"/\\|?*]|^ |[. ]$'
# the first letter of the name of a device on Windows, with any ending
DEVICES = r"^(?=(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$))."
REFUSED = re.compile(f"{LETTERS}|{DEVICES}", re.IGNORECASE)
LONGEST = 100  # bytes of a name; most take 255, and a whole path on Windows 260
DIGITS = 8  # of the digest in the place of what is cut off


@dataclass(frozen=True)
class ResultPaths:
    """The paths below `out`, the folder that `--out` names."""

    out: Path

    @property
    def records(self) -> Path:
        """The folder of the records: `DATASET/BASELINE/*.json`, with an `.npz` each."""
        return self.out / "records"

    def record(self, stem: str) -> Path:
        """The JSON of a record; `stem` as in `Record.stem`.

        One that an older version wrote stays where it is.
        """
        path = self.records / f"{stem}.json"
        former = self._former_folders.get(stem.rpartition("/")[0])
        if former is not None and not path.is_file() and (former / path.name).is_file():
            return former / path.name
        return path

    @functools.cached_property
    def _former_folders(self) -> dict[str, Path]:
        """Folders whose names an older version left as they were, by today's names."""
        former = {}
        for folder in self.records.glob("*/*/"):
            names = (folder.parent.name, folder.name)
            today = "/".join(map(portable_name, names))
            if today != "/".join(names):
                former[today] = folder
        return former

    def predictions(self, stem: str) -> Path:
        """The array of a record, beside it."""
        return self.record(stem).with_suffix(".npz")

    def is_place_of(self, path: Path, stem: str) -> bool:
        """Whether this JSON may hold the record with this stem.

        Its folders may have names of an older version, and differ in case: some file systems see
        no difference.
        """
        found = path.relative_to(self.records).with_suffix("").as_posix()
        *folders, cell = found.rsplit("/", 2)
        today = "/".join([*map(portable_name, folders), cell])
        return today.casefold() == stem.casefold()

    @property
    def checkpoints_folder(self) -> Path:
        """The folder of what trainings learned."""
        return self.out / "trainings"

    def checkpoint(self, key: str) -> Path:
        """What `fit` learned in the training with this key."""
        return self.checkpoints_folder / f"{key}.safetensors"

    def unfinished(self, key: str) -> Path:
        """The state of a training that has not ended."""
        return self.checkpoints_folder / f"{key}.unfinished.safetensors"

    @property
    def embeddings_folder(self) -> Path:
        """The folder of features."""
        return self.out / "embeddings"

    def embeddings(self, key: str, images: str) -> Path:
        """The features of the images with this digest."""
        return self.embeddings_folder / f"{key}-{images}.safetensors"

    @property
    def pairs_folder(self) -> Path:
        """The folder of pair scores."""
        return self.out / "pairs"

    def pairs(self, key: str, pool: str) -> Path:
        """The scores of all pairs of these images."""
        return self.pairs_folder / f"{key}-{pool}.safetensors"

    def episodes(self, name: str) -> Path:
        """A file of episodes that no protocol draws."""
        return self.out / "episodes" / Path(name).name

    @property
    def computing(self) -> Path:
        """What the trainings of this folder are computed with."""
        return self.out / "computing.json"

    @property
    def last_run_config(self) -> Path:
        """The options of the last run."""
        return self.out / "run.toml"

    def run_config(self, digest: str) -> Path:
        """The options of a run, with the digest of them."""
        return self.out / "runs" / f"{digest}.toml"

    @property
    def claims(self) -> Path:
        """The folder in which processes say what they work on."""
        return self.out / "claims"

    @property
    def plots(self) -> Path:
        """The folder of the pictures."""
        return self.out / "plots"

    def table(self, name: str) -> Path:
        """A CSV file."""
        return self.out / name

    @property
    def pointing(self) -> Path:
        """How much of each baseline's heat lies in annotated boxes."""
        return self.out / "pointing.csv"

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.out / "report.html"

    @property
    def temporary(self) -> list[Path]:
        """Hidden files: those being written, and those that killed processes left."""
        folders = (
            "records",
            "trainings",
            "embeddings",
            "pairs",
            "episodes",
            "plots",
            "claims",
            "runs",
        )
        hidden = list(self.out.glob(".*"))
        for folder in folders:
            hidden += self.out.glob(f"{folder}/**/.*")
        return hidden


def record_stem(
    *,
    key: str,
    dataset: str,
    baseline: str,
    ways: int,
    shots: int,
    train_size: Size | None,
    seed: int,
) -> str:
    """The path of a record's files below `records/`, without the ending."""
    if train_size is None:
        cell = f"{ways}way-{shots}shot-seed{seed}"
    else:
        cell = f"train{size_text(train_size)}-run{seed}"
    return f"{portable_name(dataset)}/{portable_name(baseline)}/{cell}-{key[:16]}"


def portable_name(name: str) -> str:
    """A name of a folder or file that every file system takes.

    What one of them refuses is written as % and two hexadecimal digits, as in addresses; a name
    that is too long is cut, and ends in a digest. A name that all take stays as it is.
    """
    composed = unicodedata.normalize("NFC", name)
    taken = REFUSED.sub(_escaped, composed)
    content = taken.encode("utf-8", "surrogatepass")
    if len(content) <= LONGEST:
        return taken
    digest = hashlib.sha256(content).hexdigest()[:DIGITS]
    begin = content[: LONGEST - DIGITS - 1].decode("utf-8", "ignore")
    return f"{begin}-{digest}"


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"
