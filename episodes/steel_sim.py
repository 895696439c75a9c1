"""Steel-sim: procedural grey textures with the class names of NEU, drawn from a seed, so that nothing need be had."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fewshot_bench.plugins.episodes.neu import ABBREVIATIONS, TEST, TRAIN

from fewshot_bench.data.cache import cached
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.settings import Settings

Field = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SteelSimSettings(Settings):
    """per_class: images of each class; side: pixels a side; seed: what they are drawn from."""

    per_class: int = 100
    side: int = 128
    seed: int = 0

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        self.need(2 <= self.per_class <= 10_000, "per_class", "2 to 10,000")
        self.need(32 <= self.side <= 512, "side", "32 to 512 pixels")
        self.need(self.seed >= 0, "seed", "0 or more")


class SteelSim(DataSet):
    """Synthetic: it ranks methods by what they make of texture and shape, and says nothing about real steel."""

    card = DataCard(
        title="Simulated steel strip (synthetic)",
        source="procedural, part of fewshot-bench",
        year=2026,
        standard=True,
        needs_path=False,
        synthetic=True,
        get_it="for real pictures: --dataset neu --data PATH",
    )
    protocols = (
        FewShot(
            name="steel-sim-heldout", dataset="steel-sim", train_classes=TRAIN, test_classes=TEST
        ),
        Classification(name="steel-sim-classify", dataset="steel-sim", train_sizes=(0.8, 0.7, 0.6)),
        Classification(name="steel-sim-small", dataset="steel-sim", train_sizes=(10, 20, 50)),
    )
    settings_type = SteelSimSettings
    settings: SteelSimSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The images of all six classes; `UserError` where a path is given, as there is nothing to read."""
        if path is not None:
            raise UserError(
                f"steel-sim is generated and reads no data, but --data {path} was given; leave it out"
            )
        source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return cached(["steel-sim", self.settings.as_dict(), source], self._generate)

    def _generate(self) -> LabelledImages:
        s = self.settings
        names = sorted(CLASSES)
        streams = np.random.SeedSequence(s.seed).spawn(len(names))
        images = np.stack(
            [_image(name, s.side, rng) for name, stream in zip(names, streams, strict=True)
             for rng in map(np.random.default_rng, stream.spawn(s.per_class))]
        )  # fmt: skip
        return group_by_class(
            "steel-sim",
            images[:, None],
            np.repeat(np.arange(len(names)), s.per_class).tolist(),
            names,
            [f"{name}_{i + 1}" for name in names for i in range(s.per_class)],
            notes=[f"these pictures are synthetic; {self.card.get_it}"],
            abbreviations=ABBREVIATIONS,
        )


def _image(name: str, side: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """uint8 (side, side): a surface with the defect of class `name`, under uneven light."""
    level, roughness, defect = CLASSES[name]
    texture = _surface(side, roughness, rng) + rng.uniform(1.0, 1.7) * defect(side, rng)
    light = rng.normal(level, 0.08) + rng.uniform(0.0, 0.08) * _noise(side, side / 3, side / 3, rng)
    return np.asarray(np.round(255 * np.clip(light + texture, 0, 1)), dtype=np.uint8)


def _noise(side: int, along: float, across: float, rng: np.random.Generator) -> Field:
    """Gaussian noise of mean 0 and variance 1, smoothed by `along` pixels vertically and `across` horizontally."""
    from scipy import ndimage  # only where pictures are generated: they are cached

    field = ndimage.gaussian_filter(rng.standard_normal((side, side)), (along, across), mode="wrap")
    return np.asarray((field - field.mean()) / field.std())


def _surface(side: int, roughness: float, rng: np.random.Generator) -> Field:
    """Grain and rolling marks, which overlap between classes and so hint at one without telling it."""
    rough = roughness * rng.lognormal(0.0, 0.5)
    grain = rough * _noise(side, rng.uniform(0.3, 1.2), rng.uniform(0.3, 1.2), rng)
    marks = rng.uniform(0.0, 0.03) * _noise(side, side / 4, rng.uniform(0.5, 3), rng)
    return np.asarray(grain + marks)


def _stamp(
    side: int,
    rng: np.random.Generator,
    count: int,
    size: tuple[float, float],
    stretch: float,
    turn: float,
) -> Field:
    """Dark spots in [0, 1]: ellipses with radii in `size`, `stretch` times as long as wide, at angle `turn` (radians)."""
    y, x = np.mgrid[:side, :side]
    field = np.zeros((side, side))
    for _ in range(count):
        width = rng.uniform(*size)
        angle = turn + rng.normal(0, 0.15)
        dy, dx = (y - rng.uniform(0, side)), (x - rng.uniform(0, side))
        along, across = (
            dy * np.cos(angle) + dx * np.sin(angle),
            dx * np.cos(angle) - dy * np.sin(angle),
        )
        distance = np.hypot(along / (width * stretch * rng.uniform(0.7, 1.4)), across / width)
        field = np.maximum(
            field, rng.uniform(0.5, 1.0) / (1 + np.exp(6 * np.clip(distance - 1, -4, 9)))
        )
    return field


def _crazing(side: int, rng: np.random.Generator) -> Field:
    """A net of thin dark cracks: where smooth noise crosses zero."""
    scale = side / 128
    net = _noise(side, rng.uniform(2, 5) * scale, rng.uniform(5, 12) * scale, rng)
    gaps = _noise(side, 6 * scale, 6 * scale, rng)
    cracks = np.exp(-np.square(net / rng.uniform(0.08, 0.2))) * (
        gaps > np.quantile(gaps, rng.uniform(0.2, 0.6))
    )
    return np.asarray(-0.22 * cracks)


def _inclusion(side: int, rng: np.random.Generator) -> Field:
    """A few long dark spindles along the rolling direction."""
    scale = side / 128
    return -0.25 * _stamp(
        side, rng, int(rng.integers(3, 10)), (1 * scale, 3 * scale), rng.uniform(5, 9), 0.0
    )


def _patches(side: int, rng: np.random.Generator) -> Field:
    """Large dark regions with soft ragged edges."""
    scale = side / 128
    land = _noise(side, rng.uniform(10, 18) * scale, rng.uniform(8, 14) * scale, rng)
    land += 0.25 * _noise(side, 2 * scale, 2 * scale, rng)
    return np.asarray(-0.3 / (1 + np.exp(-8 * (land - rng.uniform(0.2, 1.2)))))


def _pitted(side: int, rng: np.random.Generator) -> Field:
    """Many small round pits, denser here than there."""
    scale = side / 128
    pits = _stamp(side, rng, int(rng.integers(25, 90)), (1 * scale, 2.6 * scale), 1.0, 0.0)
    return np.asarray(-0.25 * pits * (1 + 0.6 * _noise(side, side / 4, side / 4, rng)).clip(0, 1.4))


def _rolled_in(side: int, rng: np.random.Generator) -> Field:
    """Oblique flecks, in clusters."""
    scale = side / 128
    flecks = _stamp(
        side,
        rng,
        int(rng.integers(25, 70)),
        (0.8 * scale, 1.8 * scale),
        rng.uniform(2, 3.5),
        rng.uniform(0.6, 1.1),
    )
    return np.asarray(-0.25 * flecks * (1 + _noise(side, side / 6, side / 6, rng)).clip(0, 1.4))


def _scratches(side: int, rng: np.random.Generator) -> Field:
    """A few straight bright lines, all in about one direction."""
    scale = side / 128
    turn = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.1)
    lines = _stamp(
        side, rng, int(rng.integers(1, 6)), (0.7 * scale, 1.8 * scale), rng.uniform(18, 50), turn
    )
    return np.asarray(0.3 * lines)


# of each class: its typical brightness, the typical contrast of its grain, and its defect
CLASSES: dict[str, tuple[float, float, Callable[[int, np.random.Generator], Field]]] = {
    "Crazing": (0.50, 0.045, _crazing),
    "Inclusion": (0.45, 0.015, _inclusion),
    "Patches": (0.55, 0.050, _patches),
    "Pitted_Surface": (0.58, 0.025, _pitted),
    "Rolled-in_Scale": (0.45, 0.035, _rolled_in),
    "Scratches": (0.42, 0.012, _scratches),
}
