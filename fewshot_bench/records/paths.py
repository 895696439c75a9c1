"""Where everything lies below the folder of results: the only place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.protocols.split import Size, size_text

__all__ = ["ResultPaths", "record_stem"]


@dataclass(frozen=True)
class ResultPaths:
    """The paths below `out`, the folder that `--out` names."""

    out: Path

    @property
    def records(self) -> Path:
        """The folder of the records: `DATASET/BASELINE/*.json`, with an `.npz` each."""
        return self.out / "records"

    def record(self, stem: str) -> Path:
        """The JSON of a record; `stem` as in `Record.stem`."""
        return self.records / f"{stem}.json"

    def predictions(self, stem: str) -> Path:
        """The array of a record."""
        return self.records / f"{stem}.npz"

    def checkpoint(self, key: str) -> Path:
        """What `fit` learned in the training with this key."""
        return self.out / "trainings" / f"{key}.safetensors"

    def unfinished(self, key: str) -> Path:
        """The state of a training that has not ended."""
        return self.out / "trainings" / f"{key}.unfinished.safetensors"

    def embeddings(self, key: str, images: str) -> Path:
        """The features of the images with this digest."""
        return self.out / "embeddings" / f"{key}-{images}.safetensors"

    def pairs(self, key: str, pool: str) -> Path:
        """The scores of all pairs of these images."""
        return self.out / "pairs" / f"{key}-{pool}.safetensors"

    def episodes(self, name: str) -> Path:
        """A file of episodes that no protocol draws."""
        return self.out / "episodes" / Path(name).name

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
        folders = ("records", "trainings", "embeddings", "pairs", "episodes", "plots")
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
    return f"{dataset}/{baseline}/{cell}-{key[:16]}"
