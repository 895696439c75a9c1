"""Wafer-sim: wafer maps of MixedWM38's 38 classes, drawn from a seed. Nothing is downloaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fewshot_bench.plugins.episodes.mixedwm38 import (
    CLASSES,
    GROUPS,
    MIXED,
    SIDE,
    SINGLE,
    die_states,
    wafer_maps,
)

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
    LabelledImages,
    Settings,
    UserError,
    cached_images,
)

Field = npt.NDArray[np.float64]  # (52, 52), a value for each die

# maps of the class in MixedWM38 for each map of another class; they add up to its 38,015 maps
IMBALANCE = {"NF": 0.149, "R": 0.866, "D+EL+S": 2.0}

# position of each die; the centre of the wafer is (0, 0) and its radius is 1
Y, X = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / (SIDE / 2)
RADIUS = np.hypot(X, Y)
ANGLE = np.arctan2(Y, X)


@dataclass(frozen=True, kw_only=True)
class WaferSimSettings(Settings):
    """per_class: maps of each class; imbalanced: class sizes in the proportions of MixedWM38.

    seed: what the maps depend on.
    """

    per_class: int = 60
    imbalanced: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(2 <= self.per_class <= 2_000, "per_class", "2 to 2,000")
        self.need(self.seed >= 0, "seed", "0 or more")


class WaferSim(DataSet):
    """Synthetic maps: each pattern gives the probability that a die fails; the highest counts."""

    card = DataCard(
        title="Simulated wafer maps (synthetic)",
        source="procedural, part of fewshot-bench",
        year=2026,
        needs_path=False,
        synthetic=True,
        get_it="for real maps: --dataset mixedwm38 --data PATH",
    )
    protocols = (
        FewShot(
            name="wafer-sim-heldout",
            dataset="wafer-sim",
            train_classes=SINGLE,
            test_classes=MIXED,
            ways=len(MIXED),
        ),
        Classification(
            name="wafer-sim-classify", dataset="wafer-sim", train_sizes=(0.8,), groups=GROUPS
        ),
        Classification(
            name="wafer-sim-small",
            dataset="wafer-sim",
            train_sizes=(10, 20, 40),
            test_images=0.2,
            groups=GROUPS,
        ),
    )
    settings_type = WaferSimSettings
    settings: WaferSimSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The maps of all 38 classes. Raises `UserError` for a path: it reads no files."""
        if path is not None:
            raise UserError(
                f"wafer-sim is generated and reads no data, but --data {path} was given; "
                "leave it out"
            )
        this_file = Path(__file__)
        sources = []
        for file in (this_file, this_file.with_name("mixedwm38.py")):
            sources.append(hashlib.sha256(file.read_bytes()).hexdigest())
        return cached_images(["wafer-sim", self.settings.as_dict(), sources], self._generate)

    def _generate(self) -> LabelledImages:
        maps = []
        labels = []
        class_seeds = np.random.SeedSequence(self.settings.seed).spawn(len(CLASSES))
        for label, (name, class_seed) in enumerate(zip(CLASSES, class_seeds, strict=True)):
            for map_seed in class_seed.spawn(self._count(name)):
                rng = np.random.default_rng(map_seed)
                maps.append(_map(name, rng))
                labels.append(label)
        notes = [f"these maps are synthetic; {self.card.get_it}"]
        data: LabelledImages = wafer_maps("wafer-sim", die_states(np.stack(maps)), labels, notes)
        return data

    def _count(self, class_name: str) -> int:
        """Maps of the class."""
        if not self.settings.imbalanced:
            return self.settings.per_class
        share = IMBALANCE.get(class_name, 1.0)
        return max(1, round(self.settings.per_class * share))


# The order of the random draws below is part of the data set: another order gives other maps.


def _map(class_name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(52, 52): 0 no die, 1 good die, 2 failed die."""
    background = rng.uniform(0.01, 0.14)
    probability = np.full((SIDE, SIDE), background)
    for pattern in class_name.split("+"):
        if pattern != "Normal":
            probability = np.maximum(probability, DRAWN[pattern](rng))
    has_failed = rng.random((SIDE, SIDE)) < probability
    is_on_wafer = RADIUS <= 1
    return np.where(is_on_wafer, 1 + has_failed, 0).astype(np.uint8)


def _soft(distance: Field) -> Field:
    """1 where the distance to an edge is negative, 0 where it is positive, over about one die."""
    dies = distance * SIDE
    steepness = np.exp(np.clip(dies, -30, 30))
    return np.asarray(1 / (1 + steepness))


def _blob(rng: np.random.Generator, away: float, radii: tuple[float, float]) -> Field:
    """A filled ellipse. away: from its centre to that of the wafer; radii: least and greatest."""
    angle, turn = rng.uniform(0, 2 * np.pi, 2)
    y = Y - away * np.sin(angle)
    x = X - away * np.cos(angle)
    cos = np.cos(turn)
    sin = np.sin(turn)
    along = y * cos + x * sin
    across = x * cos - y * sin
    radius = rng.uniform(*radii)
    probability = rng.uniform(0.75, 0.95)
    stretch = rng.uniform(1.0, 1.5)
    distance = np.hypot(along / stretch, across) - radius
    return probability * _soft(distance)


def _center(rng: np.random.Generator) -> Field:
    away = rng.uniform(0, 0.12)
    return _blob(rng, away, (0.22, 0.38))


def _donut(rng: np.random.Generator) -> Field:
    inner = rng.uniform(0.25, 0.4)
    y = Y - rng.normal(0, 0.06)
    x = X - rng.normal(0, 0.06)
    radius = np.hypot(y, x)
    probability = rng.uniform(0.7, 0.9)
    width = rng.uniform(0.22, 0.35)
    outside_hole = _soft(inner - radius)
    inside_rim = _soft(radius - inner - width)
    return probability * outside_hole * inside_rim


def _edge_loc(rng: np.random.Generator) -> Field:
    middle = rng.uniform(-np.pi, np.pi)
    wrapped = np.angle(np.exp(1j * (ANGLE - middle)))  # in (-pi, pi]
    away = np.abs(wrapped)
    probability = rng.uniform(0.75, 0.95)
    inner = rng.uniform(0.76, 0.86)
    half_width = rng.uniform(0.3, 0.75)
    near_edge = _soft(inner - RADIUS)
    in_sector = _soft(away - half_width)
    return probability * near_edge * in_sector


def _edge_ring(rng: np.random.Generator) -> Field:
    probability = rng.uniform(0.75, 0.95)
    inner = rng.uniform(0.84, 0.92)
    return probability * _soft(inner - RADIUS)


def _loc(rng: np.random.Generator) -> Field:
    away = rng.uniform(0.35, 0.6)
    return _blob(rng, away, (0.1, 0.2))


def _near_full(rng: np.random.Generator) -> Field:
    probability = rng.uniform(0.85, 0.97)
    return np.full((SIDE, SIDE), probability)


def _scratch(rng: np.random.Generator) -> Field:
    """A thin curve: small steps that turn by the same small angle each time."""
    steps = int(rng.integers(40, 110))
    bend = rng.normal(0, 0.012)
    first_heading = rng.uniform(0, 2 * np.pi)
    headings = first_heading + bend * np.arange(steps)
    start = rng.uniform(-0.5, 0.5, 2)
    directions = [np.sin(headings), np.cos(headings)]
    places = start[:, None] + 0.012 * np.cumsum(directions, axis=1)
    last = SIDE - 1
    dies = np.round(places * SIDE / 2 + last / 2)
    rows, columns = np.clip(dies, 0, last).astype(int)
    field = np.zeros((SIDE, SIDE))
    field[rows, columns] = rng.uniform(0.85, 1.0)
    is_wide = rng.random() < 0.5
    if is_wide:
        beside = np.minimum(columns + 1, last)
        field[rows, beside] = rng.uniform(0.5, 0.9)
    return field


def _random(rng: np.random.Generator) -> Field:
    probability = rng.uniform(0.25, 0.45)
    return np.full((SIDE, SIDE), probability)


# pattern -> the probability that each die fails
DRAWN: dict[str, Callable[[np.random.Generator], Field]] = {
    "C": _center,
    "D": _donut,
    "EL": _edge_loc,
    "ER": _edge_ring,
    "L": _loc,
    "NF": _near_full,
    "S": _scratch,
    "R": _random,
}
