"""Wafer-sim: procedural wafer maps of MixedWM38's 38 classes, drawn from a seed, so that nothing need be had."""

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

from fewshot_bench.data.cache import cached
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.settings import Settings

Field = npt.NDArray[np.float64]

# Maps of each class in MixedWM38 against 1,000 of the others; they make the 38,015 of the whole.
IMBALANCE = {"NF": 0.149, "R": 0.866, "D+EL+S": 2.0}
Y, X = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / (
    SIDE / 2
)  # of each die, the wafer's radius being 1
RADIUS, ANGLE = np.hypot(X, Y), np.arctan2(Y, X)


@dataclass(frozen=True, kw_only=True)
class WaferSimSettings(Settings):
    """per_class: maps of each class; imbalanced: in MixedWM38's proportions; seed: what they are drawn from."""

    per_class: int = 60
    imbalanced: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        self.need(2 <= self.per_class <= 2_000, "per_class", "2 to 2,000")
        self.need(self.seed >= 0, "seed", "0 or more")


class WaferSim(DataSet):
    """Synthetic: dies fail at random, each pattern saying how often where; in a mixture the worst of them counts."""

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
        """The maps of all 38 classes; `UserError` where a path is given, as there is nothing to read."""
        if path is not None:
            raise UserError(
                f"wafer-sim is generated and reads no data, but --data {path} was given; leave it out"
            )
        files = (Path(__file__), Path(__file__).with_name("mixedwm38.py"))
        sources = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        return cached(["wafer-sim", self.settings.as_dict(), sources], self._generate)

    def _generate(self) -> LabelledImages:
        s = self.settings
        share = IMBALANCE if s.imbalanced else {}
        counts = [max(1, round(s.per_class * share.get(name, 1.0))) for name in CLASSES]
        streams = np.random.SeedSequence(s.seed).spawn(len(CLASSES))
        maps = [
            _map(name, rng)
            for name, count, stream in zip(CLASSES, counts, streams, strict=True)
            for rng in map(np.random.default_rng, stream.spawn(count))
        ]
        labels = np.repeat(np.arange(len(CLASSES)), counts).tolist()
        notes = [f"these maps are synthetic; {self.card.get_it}"]
        made: LabelledImages = wafer_maps("wafer-sim", die_states(np.stack(maps)), labels, notes)
        return made


def _map(name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(52, 52): 0 no die, 1 good, 2 failed."""
    fails = np.full((SIDE, SIDE), rng.uniform(0.01, 0.14))
    for pattern in name.split("+"):
        if pattern != "Normal":
            fails = np.maximum(fails, DRAWN[pattern](rng))
    failed = rng.random((SIDE, SIDE)) < fails
    return np.where(RADIUS <= 1, 1 + failed, 0).astype(np.uint8)


def _soft(distance: Field) -> Field:
    """1 where a distance to an edge is negative, 0 where it is positive, over about one die."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance * SIDE, -30, 30))))


def _blob(rng: np.random.Generator, away: float, size: tuple[float, float]) -> Field:
    """An ellipse of failures, its centre at most `away` from the wafer's."""
    angle, turn = rng.uniform(0, 2 * np.pi, 2)
    y, x = Y - away * np.sin(angle), X - away * np.cos(angle)
    along, across = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
    radius = rng.uniform(*size)
    return rng.uniform(0.75, 0.95) * _soft(np.hypot(along / rng.uniform(1.0, 1.5), across) - radius)


def _center(rng: np.random.Generator) -> Field:
    return _blob(rng, rng.uniform(0, 0.12), (0.22, 0.38))


def _donut(rng: np.random.Generator) -> Field:
    inner = rng.uniform(0.25, 0.4)
    radius = np.hypot(Y - rng.normal(0, 0.06), X - rng.normal(0, 0.06))
    return (
        rng.uniform(0.7, 0.9)
        * _soft(inner - radius)
        * _soft(radius - inner - rng.uniform(0.22, 0.35))
    )


def _edge_loc(rng: np.random.Generator) -> Field:
    away = np.abs(np.angle(np.exp(1j * (ANGLE - rng.uniform(-np.pi, np.pi)))))
    return (
        rng.uniform(0.75, 0.95)
        * _soft(rng.uniform(0.76, 0.86) - RADIUS)
        * _soft(away - rng.uniform(0.3, 0.75))
    )


def _edge_ring(rng: np.random.Generator) -> Field:
    return rng.uniform(0.75, 0.95) * _soft(rng.uniform(0.84, 0.92) - RADIUS)


def _loc(rng: np.random.Generator) -> Field:
    return _blob(rng, rng.uniform(0.35, 0.6), (0.1, 0.2))


def _near_full(rng: np.random.Generator) -> Field:
    return np.full((SIDE, SIDE), rng.uniform(0.85, 0.97))


def _scratch(rng: np.random.Generator) -> Field:
    """A thin curve: a walk in small steps that turns by the same little angle each time."""
    steps, bend = int(rng.integers(40, 110)), rng.normal(0, 0.012)
    headings = rng.uniform(0, 2 * np.pi) + bend * np.arange(steps)
    start = rng.uniform(-0.5, 0.5, 2)
    places = start[:, None] + 0.012 * np.cumsum([np.sin(headings), np.cos(headings)], axis=1)
    rows, columns = np.clip(np.round(places * SIDE / 2 + (SIDE - 1) / 2), 0, SIDE - 1).astype(int)
    field = np.zeros((SIDE, SIDE))
    field[rows, columns] = rng.uniform(0.85, 1.0)
    if rng.random() < 0.5:
        field[rows, np.minimum(columns + 1, SIDE - 1)] = rng.uniform(0.5, 0.9)
    return field


def _random(rng: np.random.Generator) -> Field:
    return np.full((SIDE, SIDE), rng.uniform(0.25, 0.45))


DRAWN: dict[str, Callable[[np.random.Generator], Field]] = {
    "C": _center, "D": _donut, "EL": _edge_loc, "ER": _edge_ring,
    "L": _loc, "NF": _near_full, "S": _scratch, "R": _random,
}  # fmt: skip
