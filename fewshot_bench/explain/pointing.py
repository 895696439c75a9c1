"""Does an encoder look at the defect? How much of its heat lies inside annotated boxes.

Shapes: M test images with boxes, S trainings, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.explain.gradcam import Heat, peaks
from fewshot_bench.stats.intervals import Mean, over_images

__all__ = ["MEASURED", "pointing", "shares"]

Boxes = Sequence[npt.NDArray[np.int64]]
Labels = npt.NDArray[np.int64]
SharesBySeed = Mapping[int, pd.DataFrame]  # of one baseline, the `shares` of each training
SHARES = ["energy", "hit", "cover", "hit_chance"]
MEASURED = [
    "images",
    "trainings",
    "without_heat",
    "energy",
    "energy_low",
    "energy_high",
    "hit",
    "hit_low",
    "hit_high",
    "cover",
    "hit_chance",
    "above_chance",
    "above_chance_low",
    "above_chance_high",
    "difference",
    "difference_low",
    "difference_high",
]


def shares(heats: Sequence[Heat], boxes: Boxes) -> pd.DataFrame:
    """How much of the heat of one training lies in boxes: a row an image that has boxes.

    The index is the image's index in the data set. All columns are fractions:

    - energy: share of the heat inside the boxes (energy-based pointing game, Wang et al.,
      Score-CAM, CVPR workshops 2020); NaN if the heat map is all zero
    - hit: whether the maximum of the heat is inside (pointing game, Zhang et al., IJCV 2018); if
      several pixels are the maximum, the share of them; NaN if the heat map is all zero
    - cover: share of the image inside the boxes, the energy expected by chance
    - hit_chance: the hit expected if each place of the stage were equally likely the hottest. It
      is not cover, as coarse maps have their maximum near the rim.

    boxes: of every image of the data set, rows of xmin, ymin, xmax, ymax. They are the first and
    last pixels inside the box, counted from 1.
    """
    rows = {}
    for heat in heats:
        image_boxes = boxes[heat.image]
        if len(image_boxes) == 0:
            continue
        heat_HW = heat.map_HW
        inside_HW = _inside(image_boxes, heat_HW.shape)
        peak_HW = peaks(heat.places, heat_HW.shape)
        row = {"cover": inside_HW.mean(), "hit_chance": peak_HW[inside_HW].sum()}
        maximum = heat_HW.max()
        if maximum > 0:
            row["energy"] = heat_HW[inside_HW].sum() / heat_HW.sum()
            row["hit"] = inside_HW[heat_HW == maximum].mean()
        rows[heat.image] = row
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=SHARES, dtype=float)
    return frame.sort_index()


def pointing(
    shares_by_baseline: Mapping[str, SharesBySeed], labels: Labels, reference: str | None
) -> pd.DataFrame:
    """One row a baseline, with the columns `MEASURED`: means over images and trainings.

    Intervals (95 %) are over other images of the same classes and, with several trainings, over
    other trainings. Images whose heat map is all zero in a training are counted in `without_heat`
    and excluded. above_chance: energy minus cover, image by image; difference: energy minus the
    energy of the reference, on the images and trainings that both have.

    shares_by_baseline: of each baseline the result of `shares` for each training, by seed; labels:
    the class of every image of the data set.
    """
    with_heat = {}
    for name, trainings in shares_by_baseline.items():
        with_heat[name] = _with_heat(trainings)
    rows = []
    for name, trainings in with_heat.items():
        all_images = _first(shares_by_baseline[name])
        images = _first(trainings)
        row: dict[str, object] = {
            "baseline": name,
            "images": len(images),
            "trainings": len(trainings),
            "without_heat": len(all_images) - len(images),
        }
        row |= _means(trainings, labels)
        if reference in with_heat and reference != name:
            difference = _difference(trainings, with_heat[reference], labels)
            row |= _interval_columns("difference", difference)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=["baseline", *MEASURED])
    whole_numbers = dict.fromkeys(("images", "trainings", "without_heat"), "Int64")
    return frame.astype(whole_numbers)


def _first(trainings: SharesBySeed) -> pd.DataFrame:
    """The shares of the first training; all trainings have the same images."""
    frames = iter(trainings.values())
    return next(frames)


def _with_heat(trainings: SharesBySeed) -> dict[int, pd.DataFrame]:
    """The shares of those images that have heat in all trainings."""
    energies = []
    for frame in trainings.values():
        energies.append(frame["energy"])
    images = pd.concat(energies, axis=1).dropna().index
    with_heat = {}
    for seed, frame in trainings.items():
        with_heat[seed] = frame.loc[images]
    return with_heat


def _means(trainings: SharesBySeed, labels: Labels) -> dict[str, float]:
    """The columns of one baseline that need no reference."""
    images = _first(trainings)
    labels_M = labels[images.index]
    energy_SM = np.stack([frame["energy"] for frame in trainings.values()])
    hit_SM = np.stack([frame["hit"] for frame in trainings.values()])
    above_chance_SM = energy_SM - images["cover"].to_numpy()

    energy = over_images(energy_SM, labels_M, share=True)
    hit = over_images(hit_SM, labels_M, share=True)
    above_chance = over_images(above_chance_SM, labels_M, share=False)
    return {
        **_interval_columns("energy", energy),
        **_interval_columns("hit", hit),
        "cover": images["cover"].mean(),
        "hit_chance": images["hit_chance"].mean(),
        **_interval_columns("above_chance", above_chance),
    }


def _difference(trainings: SharesBySeed, reference: SharesBySeed, labels: Labels) -> Mean:
    """The paired difference in energy to the reference; NaN if no seed has both."""
    differences = []
    for seed in trainings.keys() & reference.keys():
        energy_M = trainings[seed]["energy"]
        reference_M = reference[seed]["energy"]
        difference_M = energy_M - reference_M
        # An image that only one of the two has gives NaN.
        differences.append(difference_M.dropna())
    if not differences:
        return Mean(np.nan, np.nan, np.nan)
    labels_M = labels[differences[0].index]
    return over_images(np.stack(differences), labels_M, share=False)


def _interval_columns(name: str, mean: Mean) -> dict[str, float]:
    """The columns of a mean and its interval."""
    return {
        name: mean.mean,
        f"{name}_low": mean.low,
        f"{name}_high": mean.high,
    }


def _inside(boxes: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """True for pixels inside a box, (H, W)."""
    inside_HW = np.zeros(shape, dtype=bool)
    for left, top, right, bottom in boxes.tolist():
        rows = slice(max(0, top - 1), bottom)
        columns = slice(max(0, left - 1), right)
        inside_HW[rows, columns] = True
    return inside_HW
