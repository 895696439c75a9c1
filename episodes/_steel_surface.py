"""What both versions of steel-sim draw a defect on: noise, grain, rolling marks and light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float64]  # (side, side), a grey level is in 0 to 1
Image = npt.NDArray[np.uint8]  # (side, side)

REFERENCE_SIDE = 128  # pixels; lengths in pixels are given for images of this size

# The order of the random draws is part of the data set: another order gives other images.


def noise(side: int, along: float, across: float, rng: np.random.Generator) -> Field:
    """Gaussian noise of mean 0 and variance 1.

    It is smoothed by `along` pixels vertically and by `across` pixels horizontally.
    """
    from scipy import ndimage  # here, as it is slow to import and seldom needed: images are cached

    white = rng.standard_normal((side, side))
    smooth = ndimage.gaussian_filter(white, (along, across), mode="wrap")
    return np.asarray((smooth - smooth.mean()) / smooth.std())


def surface(side: int, grain: float, spread: float, rng: np.random.Generator) -> Field:
    """Grain and vertical rolling marks, as differences of grey level.

    grain: typical contrast of the grain; spread: the standard deviation of its logarithm.
    """
    contrast = grain * rng.lognormal(0.0, spread)
    along = rng.uniform(0.3, 1.2)
    across = rng.uniform(0.3, 1.2)
    grains = contrast * noise(side, along, across, rng)
    depth = rng.uniform(0.0, 0.03)
    width = rng.uniform(0.5, 3)
    marks = depth * noise(side, side / 4, width, rng)
    return np.asarray(grains + marks)


def lit(texture: Field, brightness: float, unevenness: float, rng: np.random.Generator) -> Image:
    """The picture of a texture under uneven light.

    texture: differences of grey level; brightness: the typical mean; unevenness: the most contrast
    that the light has.
    """
    side = len(texture)
    mean = rng.normal(brightness, 0.08)
    contrast = rng.uniform(0.0, unevenness)
    light = mean + contrast * noise(side, side / 3, side / 3, rng)
    grey = np.clip(light + texture, 0, 1)
    return np.asarray(np.round(255 * grey), dtype=np.uint8)
