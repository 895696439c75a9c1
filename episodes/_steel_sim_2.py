"""Version 2 of steel-sim: all defects consist of the same small marks, and classes arrange them.

The marks of all classes have the same number, size, contrast and polarity, dark or bright. A
texture therefore says little: nets, lines, spindles, flecks, patches and pits have to be seen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from fewshot_bench.plugins.episodes._steel_surface import (
    REFERENCE_SIDE,
    Field,
    Image,
    lit,
    surface,
)

# (marks, 2): y and x; the defect reaches from -1 to 1, and y is the rolling direction
Places = npt.NDArray[np.float64]

# The order of the random draws below is part of the data set: another order gives other images.


def image(class_name: str, side: int, rng: np.random.Generator) -> Image:
    """A surface with the defect of the class, and often a weaker defect of another class."""
    contrast = rng.uniform(0.16, 0.3)
    texture = surface(side, 0.015, 0.25, rng)
    texture += contrast * _defect(class_name, side, rng)
    has_second = rng.random() < 0.5
    if has_second:
        others = [name for name in ARRANGEMENTS if name != class_name]
        other = others[rng.integers(len(others))]
        weaker = contrast * rng.uniform(0.3, 0.55)
        texture += weaker * _defect(other, side, rng)
    return lit(texture, 0.5, 0.12, rng)


def _defect(class_name: str, side: int, rng: np.random.Generator) -> Field:
    """A defect of any position and size, from -1 to 0 if it is dark or 0 to 1 if it is bright."""
    scale = side / REFERENCE_SIDE
    size = rng.uniform(0.45, 1.0)  # of the image's side
    density = rng.integers(340, 740)
    radius = rng.uniform(0.8, 1.5) * scale  # of a mark, in pixels
    polarity = rng.choice([-1, 1])
    places = ARRANGEMENTS[class_name](int(density * size), rng)
    return np.asarray(polarity * _marks(_moved(places, size, rng), side, radius, rng))


def _moved(places: Places, size: float, rng: np.random.Generator) -> Places:
    """The places in an image that reaches from -1 to 1, turned a little."""
    room = 1 - size
    middle = rng.uniform(-room, room, 2)
    turn = rng.normal(0, 0.12)
    cos = np.cos(turn)
    sin = np.sin(turn)
    rotation = np.array([[cos, sin], [-sin, cos]])
    scatter = rng.normal(0, 0.004, places.shape)
    return np.asarray(middle + size * (places @ rotation) + scatter)


def _marks(places: Places, side: int, radius: float, rng: np.random.Generator) -> Field:
    """Soft round marks, from 0 to 1. Marks that overlap are hardly stronger than one."""
    from scipy import ndimage  # here, as it is slow to import and seldom needed: images are cached

    heights = rng.uniform(0.5, 1.0, len(places))
    pixels = np.round((places + 1) / 2 * (side - 1)).astype(int)
    is_inside = ((pixels >= 0) & (pixels < side)).all(axis=1)
    rows, columns = pixels[is_inside].T
    field = np.zeros((side, side))
    np.add.at(field, (rows, columns), heights[is_inside])
    smooth = ndimage.gaussian_filter(field, radius, mode="constant")
    peak = 1 / (2 * np.pi * radius**2)  # of a smoothed mark of height 1
    return np.asarray(1 - np.exp(-smooth / peak))


def _on_segments(middles: Places, halves: Places, count: int, rng: np.random.Generator) -> Places:
    """Places spread evenly over line segments.

    middles, halves: (segments, 2), the middle of each segment and the way from there to one end.
    """
    lengths = np.linalg.norm(halves, axis=1)
    chosen = rng.choice(len(lengths), count, p=lengths / lengths.sum())
    along = rng.uniform(-1, 1, (count, 1))
    return np.asarray(middles[chosen] + along * halves[chosen])


def _directions(angles: npt.NDArray[np.float64]) -> Places:
    """Unit vectors; angles: to the rolling direction, in radians."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _in_discs(radii: npt.NDArray[np.float64], rng: np.random.Generator) -> Places:
    """One place in each disc about the origin, as likely anywhere in it. radii: (places,)."""
    distances = radii * np.sqrt(rng.random(len(radii)))
    angles = rng.uniform(0, 2 * np.pi, len(radii))
    return np.asarray(distances[:, None] * _directions(angles))


def _crazing(count: int, rng: np.random.Generator) -> Places:
    """A net of cracks: the borders of Voronoi cells."""
    from scipy.spatial import Voronoi

    cells = int(rng.integers(16, 44))
    net = Voronoi(rng.uniform(-1.3, 1.3, (cells, 2)))
    borders = np.array(net.ridge_vertices)
    is_finite = (borders >= 0).all(axis=1)
    starts = net.vertices[borders[is_finite, 0]]
    ends = net.vertices[borders[is_finite, 1]]
    is_near = (np.abs(starts) < 1.6).all(axis=1) & (np.abs(ends) < 1.6).all(axis=1)
    middles = (starts + ends)[is_near] / 2
    halves = (ends - starts)[is_near] / 2
    return _on_segments(middles, halves, count, rng)


def _inclusion(count: int, rng: np.random.Generator) -> Places:
    """A few spindles along the rolling direction."""
    spindles = int(rng.integers(3, 8))
    middles = rng.uniform(-0.85, 0.85, (spindles, 2))
    half_lengths = rng.uniform(0.15, 0.4, spindles)
    chosen = rng.integers(0, spindles, count)
    along = rng.uniform(-1, 1, count)
    across = rng.uniform(-0.05, 0.05, count) * (1 - along**2)
    offsets = np.stack([along * half_lengths[chosen], across], axis=1)
    return np.asarray(middles[chosen] + offsets)


def _patches(count: int, rng: np.random.Generator) -> Places:
    """One to three dense regions."""
    regions = int(rng.integers(1, 4))
    middles = rng.uniform(-0.6, 0.6, (regions, 2))
    radii = rng.uniform(0.25, 0.5, regions)
    shares = radii**2 / np.sum(radii**2)
    chosen = rng.choice(regions, count, p=shares)
    stretch = rng.uniform(0.7, 1.3, (regions, 2))
    offsets = stretch[chosen] * _in_discs(radii[chosen], rng)
    return np.asarray(middles[chosen] + offsets)


def _pitted(count: int, rng: np.random.Generator) -> Places:
    """Pits all over."""
    stretch = rng.uniform(0.8, 1.2, 2)
    return np.asarray(stretch * _in_discs(np.ones(count), rng))


def _rolled_in(count: int, rng: np.random.Generator) -> Places:
    """Oblique flecks in three clusters, all in about the same direction."""
    flecks = int(rng.integers(10, 26))
    turn = rng.choice([-1, 1]) * rng.uniform(0.6, 1.0)
    angles = turn + rng.normal(0, 0.15, flecks)
    clusters = rng.uniform(-0.6, 0.6, (3, 2))
    chosen = rng.integers(0, 3, flecks)
    middles = clusters[chosen] + rng.normal(0, 0.28, (flecks, 2))
    half_lengths = rng.uniform(0.08, 0.18, (flecks, 1))
    return _on_segments(middles, half_lengths * _directions(angles), count, rng)


def _scratches(count: int, rng: np.random.Generator) -> Places:
    """A few long straight lines of any direction, nearly parallel."""
    lines = int(rng.integers(2, 6))
    turn = rng.uniform(0, np.pi)
    angles = turn + rng.normal(0, 0.08, lines)
    middles = rng.uniform(-0.8, 0.8, (lines, 2))
    half_lengths = rng.uniform(0.5, 1.3, (lines, 1))
    return _on_segments(middles, half_lengths * _directions(angles), count, rng)


# class -> places of so many marks
ARRANGEMENTS: dict[str, Callable[[int, np.random.Generator], Places]] = {
    "Crazing": _crazing,
    "Inclusion": _inclusion,
    "Patches": _patches,
    "Pitted_Surface": _pitted,
    "Rolled-in_Scale": _rolled_in,
    "Scratches": _scratches,
}
