"""Version 1 of steel-sim: each class has marks of its own shape and size.

Pretrained features tell the classes apart without training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fewshot_bench.plugins.episodes._steel_surface import (
    REFERENCE_SIDE,
    Field,
    Image,
    lit,
    noise,
    surface,
)

# The order of the random draws below is part of the data set: another order gives other images.


def image(class_name: str, side: int, rng: np.random.Generator) -> Image:
    """A surface with the defect of the class, under uneven light.

    Classes overlap in brightness and grain, so that these do not tell the class.
    """
    look = CLASSES[class_name]
    ground = surface(side, look.grain, 0.5, rng)
    strength = rng.uniform(1.0, 1.7)
    texture = ground + strength * look.defect(side, rng)
    return lit(texture, look.brightness, 0.08, rng)


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
    net = noise(side, along, across, rng)
    patches = noise(side, 6 * scale, 6 * scale, rng)
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
    land = noise(side, along, across, rng)
    land += 0.25 * noise(side, 2 * scale, 2 * scale, rng)
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
    unevenness = noise(side, side / 4, side / 4, rng)
    density = (1 + 0.6 * unevenness).clip(0, 1.4)
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
    unevenness = noise(side, side / 6, side / 6, rng)
    density = (1 + unevenness).clip(0, 1.4)
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
