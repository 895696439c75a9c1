"""Pictures of a factory: known classes, new ones, and some to decide."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24
PIXELS = ("--method", "pixels+mean_cosine")


def defect(kind: int, seed: int, side: int = SIDE, noise: float = 30.0) -> Image.Image:
    """A picture of stripes, whose number and direction are those of the kind, with noise."""
    generator = np.random.default_rng([kind, seed])
    waves = 1 + kind // 2
    line = 60 * np.sin(2 * np.pi * waves * np.arange(side) / side + 0.2 * generator.normal())
    stripes = np.broadcast_to(line, (side, side))
    if kind % 2:
        stripes = stripes.T
    pixels = 128 + stripes + noise * generator.normal(size=(side, side))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def folder_of(path: Path, kinds: dict[str, int], each: int, start: int = 0) -> Path:
    """A folder with `each` pictures of each kind, by the name of its class."""
    for name, kind in kinds.items():
        place = path / name
        place.mkdir(parents=True, exist_ok=True)
        for seed in range(start, start + each):
            defect(kind, seed).save(place / f"{seed}.png")
    return path


def factory(path: Path, known: int = 3, each: int = 8, few: int = 3) -> tuple[Path, Path, Path]:
    """Folders: known classes a, b, ..., one new class, and two pictures of each to decide."""
    kinds = {chr(ord("a") + kind): kind for kind in range(known)}
    new = {"fresh": known}
    to_decide = path / "pictures"
    to_decide.mkdir(parents=True)
    for name, kind in {**kinds, **new}.items():
        for seed in (100, 101):
            defect(kind, seed).save(to_decide / f"{name}-{seed}.png")
    return folder_of(path / "known", kinds, each), folder_of(path / "new", new, few), to_decide
