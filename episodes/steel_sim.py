"""Steel-sim: grey textures with NEU's class names, drawn from a seed. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fewshot_bench.plugins.episodes.neu import ABBREVIATIONS, TEST, TRAIN

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
    LabelledImages,
    Settings,
    UserError,
    cached_images,
    group_by_class,
)

Field = npt.NDArray[np.float64]  # (side, side), a grey level is in 0 to 1

REFERENCE_SIDE = 128  # pixels; lengths below are given for images of this size


@dataclass(frozen=True, kw_only=True)
class SteelSimSettings(Settings):
    """per_class: images of each class; side: pixels a side; seed: what the images depend on."""

    per_class: int = 100
    side: int = 128
    seed: int = 0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(2 <= self.per_class <= 10_000, "per_class", "2 to 10,000")
        self.need(32 <= self.side <= 512, "side", "32 to 512 pixels")
        self.need(self.seed >= 0, "seed", "0 or more")


class SteelSim(DataSet):
    """Synthetic images: they rank methods by texture and shape, but say nothing of real steel."""

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
        """The images of all six classes. Raises `UserError` for a path: it reads no files."""
        if path is not None:
            raise UserError(
                f"steel-sim is generated and reads no data, but --data {path} was given; "
                "leave it out"
            )
        source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return cached_images(["steel-sim", self.settings.as_dict(), source], self._generate)

    def _generate(self) -> LabelledImages:
        per_class = self.settings.per_class
        class_names = sorted(CLASSES)
        images = []
        labels = []
        files = []
        class_seeds = np.random.SeedSequence(self.settings.seed).spawn(len(class_names))
        for label, (name, class_seed) in enumerate(zip(class_names, class_seeds, strict=True)):
            for number, image_seed in enumerate(class_seed.spawn(per_class), start=1):
                rng = np.random.default_rng(image_seed)
                images.append(_image(name, self.settings.side, rng))
                labels.append(label)
                files.append(f"{name}_{number}")
        return group_by_class(
            "steel-sim",
            np.stack(images)[:, None],  # one channel
            labels,
            class_names,
            files,
            notes=[f"these pictures are synthetic; {self.card.get_it}"],
            abbreviations=ABBREVIATIONS,
        )


# The order of the random draws below is part of the data set: another order gives other images.


def _image(class_name: str, side: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(side, side): a surface with the defect of the class, under uneven light."""
    look = CLASSES[class_name]
    surface = _surface(side, look.grain, rng)
    strength = rng.uniform(1.0, 1.7)
    texture = surface + strength * look.defect(side, rng)
    brightness = rng.normal(look.brightness, 0.08)
    unevenness = rng.uniform(0.0, 0.08)
    light = brightness + unevenness * _noise(side, side / 3, side / 3, rng)
    grey = np.clip(light + texture, 0, 1)
    return np.asarray(np.round(255 * grey), dtype=np.uint8)


def _noise(side: int, along: float, across: float, rng: np.random.Generator) -> Field:
    """Gaussian noise of mean 0 and variance 1.

    It is smoothed by `along` pixels vertically and by `across` pixels horizontally.
    """
    from scipy import ndimage  # here, as it is slow to import and seldom needed: images are cached

    white = rng.standard_normal((side, side))
    smooth = ndimage.gaussian_filter(white, (along, across), mode="wrap")
    return np.asarray((smooth - smooth.mean()) / smooth.std())


def _surface(side: int, grain: float, rng: np.random.Generator) -> Field:
    """Grain and rolling marks. Classes overlap in them, so that they do not tell the class."""
    contrast = grain * rng.lognormal(0.0, 0.5)
    along = rng.uniform(0.3, 1.2)
    across = rng.uniform(0.3, 1.2)
    grains = contrast * _noise(side, along, across, rng)
    depth = rng.uniform(0.0, 0.03)
    width = rng.uniform(0.5, 3)
    marks = depth * _noise(side, side / 4, width, rng)
    return np.asarray(grains + marks)


def _spots(
    side: int,
    rng: np.random.Generator,
    *,
    count: int,
    radii: tuple[float, float],
    stretch: float,
    turn: float,
) -> Field:
    """Elliptical spots with soft edges, from 0 (no spot) to 1.

    radii: least and greatest half width in pixels of the reference side; stretch: length over
    width; turn: angle to the vertical in radians.
    """
    scale = side / REFERENCE_SIDE
    least, greatest = radii
    y, x = np.mgrid[:side, :side]
    field = np.zeros((side, side))
    for _ in range(count):
        half_width = rng.uniform(least * scale, greatest * scale)
        angle = turn + rng.normal(0, 0.15)
        cos = np.cos(angle)
        sin = np.sin(angle)
        dy = y - rng.uniform(0, side)
        dx = x - rng.uniform(0, side)
        along = dy * cos + dx * sin
        across = dx * cos - dy * sin
        half_length = half_width * stretch * rng.uniform(0.7, 1.4)
        distance = np.hypot(along / half_length, across / half_width)  # 1 on the edge
        height = rng.uniform(0.5, 1.0)
        steepness = np.exp(6 * np.clip(distance - 1, -4, 9))
        field = np.maximum(field, height / (1 + steepness))
    return field


def _crazing(side: int, rng: np.random.Generator) -> Field:
    """A net of thin dark cracks, where smooth noise crosses zero."""
    scale = side / REFERENCE_SIDE
    along = rng.uniform(2, 5) * scale
    across = rng.uniform(5, 12) * scale
    net = _noise(side, along, across, rng)
    patches = _noise(side, 6 * scale, 6 * scale, rng)
    width = rng.uniform(0.08, 0.2)
    lines = np.exp(-np.square(net / width))
    share_without = rng.uniform(0.2, 0.6)
    is_cracked = patches > np.quantile(patches, share_without)
    return np.asarray(-0.22 * (lines * is_cracked))


def _inclusion(side: int, rng: np.random.Generator) -> Field:
    """A few long dark spindles along the rolling direction."""
    count = int(rng.integers(3, 10))
    stretch = rng.uniform(5, 9)
    spindles = _spots(
        side,
        rng,
        count=count,
        radii=(1, 3),
        stretch=stretch,
        turn=0.0,
    )
    return -0.25 * spindles


def _patches(side: int, rng: np.random.Generator) -> Field:
    """Large dark regions with soft ragged edges."""
    scale = side / REFERENCE_SIDE
    along = rng.uniform(10, 18) * scale
    across = rng.uniform(8, 14) * scale
    land = _noise(side, along, across, rng)
    land += 0.25 * _noise(side, 2 * scale, 2 * scale, rng)
    shore = rng.uniform(0.2, 1.2)
    steepness = np.exp(-8 * (land - shore))
    return np.asarray(-0.3 / (1 + steepness))


def _pitted(side: int, rng: np.random.Generator) -> Field:
    """Many small round pits, in some places denser than in others."""
    count = int(rng.integers(25, 90))
    pits = _spots(
        side,
        rng,
        count=count,
        radii=(1, 2.6),
        stretch=1.0,
        turn=0.0,
    )
    noise = _noise(side, side / 4, side / 4, rng)
    density = (1 + 0.6 * noise).clip(0, 1.4)
    return np.asarray(-0.25 * pits * density)


def _rolled_in(side: int, rng: np.random.Generator) -> Field:
    """Oblique flecks, in clusters."""
    count = int(rng.integers(25, 70))
    stretch = rng.uniform(2, 3.5)
    turn = rng.uniform(0.6, 1.1)
    flecks = _spots(
        side,
        rng,
        count=count,
        radii=(0.8, 1.8),
        stretch=stretch,
        turn=turn,
    )
    noise = _noise(side, side / 6, side / 6, rng)
    density = (1 + noise).clip(0, 1.4)
    return np.asarray(-0.25 * flecks * density)


def _scratches(side: int, rng: np.random.Generator) -> Field:
    """A few straight bright lines, all in about the same direction."""
    direction = rng.choice([0.0, np.pi / 2])
    turn = direction + rng.normal(0, 0.1)
    count = int(rng.integers(1, 6))
    stretch = rng.uniform(18, 50)
    lines = _spots(
        side,
        rng,
        count=count,
        radii=(0.7, 1.8),
        stretch=stretch,
        turn=turn,
    )
    return np.asarray(0.3 * lines)


@dataclass(frozen=True)
class Look:
    """What the images of a class look like.

    brightness: mean grey level, 0 to 1; grain: typical contrast of the grain; defect: draws the
    defect for a side in pixels, as differences of grey level.
    """

    brightness: float
    grain: float
    defect: Callable[[int, np.random.Generator], Field]


CLASSES = {
    "Crazing": Look(0.50, 0.045, _crazing),
    "Inclusion": Look(0.45, 0.015, _inclusion),
    "Patches": Look(0.55, 0.050, _patches),
    "Pitted_Surface": Look(0.58, 0.025, _pitted),
    "Rolled-in_Scale": Look(0.45, 0.035, _rolled_in),
    "Scratches": Look(0.42, 0.012, _scratches),
}
