"""Does an encoder look at the defect? How much of its heat lies inside annotated boxes.

Shapes: M test images with boxes, S trainings, H x W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench import stats
from fewshot_bench.heat import Heat, peaks

__all__ = ["MEASURED", "pointing"]

Boxes = Sequence[npt.NDArray[np.int64]]
Floats = npt.NDArray[np.float64]
MEASURED = [
    "images", "trainings", "without_heat", "energy", "energy_low", "energy_high", "hit", "hit_low", "hit_high",
    "cover", "hit_chance",
    "above_chance", "above_chance_low", "above_chance_high", "difference", "difference_low", "difference_high",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Pointed:
    """Of each of `images_M`, by training: the share of the heat inside its boxes, and whether the maximum lies there; the
    share of the image that the boxes cover, and how often the maximum would lie there by chance. without_heat: images left
    out, as a training found no heat in them.
    """

    images_M: npt.NDArray[np.int64]
    energy_SM: Floats
    hit_SM: Floats
    cover_M: Floats
    hit_chance_M: Floats
    without_heat: int


def pointing(
    heats: Mapping[str, Sequence[Sequence[Heat]]], boxes: Boxes, labels: npt.NDArray[np.int64], reference: str | None
) -> pd.DataFrame:
    """One row a name of `heats`, which holds those of each training, with the columns `MEASURED`.

    energy: the share of the heat inside the boxes (energy-based pointing game, Wang et al., Score-CAM, CVPR workshop
    2020); hit: how often its maximum is (pointing game, Zhang et al., IJCV 2018); cover: the share of the image inside the
    boxes, which energy would be by chance; hit_chance: what hit would be if each place of the stage were as likely the
    hottest (coarse maps have their maximum at the rim); above_chance: energy less cover, image by image; difference: energy
    less that of the reference, on the images of both. All are fractions, with 95 % intervals over other images of these
    classes and, of several trainings, over other trainings. An image in which nothing spoke for the answer has no heat to
    share out: it is left out, and counted in without_heat.

    boxes: of every image of the data set, rows of xmin, ymin, xmax, ymax, the last pixels inside, counted from 1; labels:
    of every image its class.
    """
    found = {name: _pointed(of_trainings, boxes) for name, of_trainings in heats.items()}
    held = found.get(reference) if reference is not None else None
    rows = []
    for name, one in found.items():
        here_M, trainings = labels[one.images_M], len(one.energy_SM)
        energy, hit = stats.over_images(one.energy_SM, here_M), stats.over_images(one.hit_SM, here_M)
        above = stats.over_images(one.energy_SM - one.cover_M, here_M)
        cover, chance = (float(of.mean()) if len(here_M) else math.nan for of in (one.cover_M, one.hit_chance_M))
        row: dict[str, object] = {
            "baseline": name, "images": len(here_M), "trainings": trainings, "without_heat": one.without_heat,
            **_named("energy", energy), **_named("hit", hit), "cover": cover, "hit_chance": chance,
            **_named("above_chance", above),
        }  # fmt: skip
        if held is not None and held is not one:
            row |= _named("difference", _apart(one, held, labels))
        rows.append(row)
    return pd.DataFrame(rows, columns=["baseline", *MEASURED])


def _named(name: str, found: stats.Mean) -> dict[str, float]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _apart(one: _Pointed, held: _Pointed, labels: npt.NDArray[np.int64]) -> stats.Mean:
    """The paired difference in energy, on the images and trainings of both."""
    images_M, mine, theirs = np.intersect1d(one.images_M, held.images_M, return_indices=True)
    trainings = min(len(one.energy_SM), len(held.energy_SM))
    apart_SM = one.energy_SM[:trainings, mine] - held.energy_SM[:trainings, theirs]
    return stats.over_images(apart_SM, labels[images_M])


def _pointed(heats_S: Sequence[Sequence[Heat]], boxes: Boxes) -> _Pointed:
    rows: dict[int, list[tuple[float, float, float, float]]] = {}
    asked = {heat.image for heats in heats_S for heat in heats if len(boxes[heat.image])}
    for heat in (heat for heats in heats_S for heat in heats if heat.image in asked and heat.map_HW.max() > 0):
        inside_HW, heat_HW = _inside(boxes[heat.image], heat.map_HW.shape), heat.map_HW
        energy = float(heat_HW[inside_HW].sum() / heat_HW.sum())
        hit = float(inside_HW[heat_HW == heat_HW.max()].mean())  # equal maxima share it
        chance = float(peaks(heat.places, heat_HW.shape)[inside_HW].sum())
        rows.setdefault(heat.image, []).append((energy, hit, float(inside_HW.mean()), chance))
    images = [image for image in sorted(rows) if len(rows[image]) == len(heats_S)]
    found_MSF = np.array([rows[image] for image in images], dtype=np.float64).reshape(len(images), len(heats_S), 4)
    energy_MS, hit_MS, cover_MS, chance_MS = found_MSF.transpose(2, 0, 1)
    shares = (energy_MS.T, hit_MS.T, cover_MS[:, 0], chance_MS[:, 0])
    return _Pointed(np.array(images, dtype=np.int64), *shares, len(asked) - len(images))


def _inside(boxes: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(H, W): whether a pixel lies in a box."""
    inside_HW = np.zeros(shape, dtype=bool)
    for left, top, right, bottom in boxes.tolist():
        inside_HW[max(0, top - 1) : bottom, max(0, left - 1) : right] = True
    return inside_HW
