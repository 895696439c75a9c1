"""Folders of classes that even pixels tell apart: stripes of a class's own width, with noise."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24


def stripes(place: Path, sizes: dict[str, int], noise: float = 25.0) -> Path:
    """A folder of classes with so many pictures each; noise: its standard deviation, of 255."""
    for label, (name, count) in enumerate(sizes.items()):
        (place / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        wave = 127 + 60 * np.sin((label + 1) * np.arange(SIDE) / 3)
        for number in range(count):
            pixels = wave[None] + rng.normal(0, noise, (SIDE, SIDE))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(place / name / f"{number}.png")
    return place
