"""Does an encoder look at the defect? How much of its heat lies inside annotated boxes.

Shapes: M test images with boxes, S trainings, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.explain.gradcam import Heat, peaks
from fewshot_bench.stats import intervals as stats

__all__ = ["MEASURED", "pointing", "shares"]

Boxes = Sequence[npt.NDArray[np.int64]]
MEASURED = [
    "images", "trainings", "without_heat", "energy", "energy_low", "energy_high", "hit", "hit_low", "hit_high",
    "cover", "hit_chance", "above_chance", "above_chance_low", "above_chance_high", "difference", "difference_low",
    "difference_high",
]  # fmt: skip


def shares(heats: Sequence[Heat], boxes: Boxes) -> pd.DataFrame:
    """Of one training, a row a test image that has boxes, by its index, with fractions.

    energy: the share of the heat inside the boxes (energy-based pointing game, Wang et al., Score-CAM, CVPR workshop
    2020), NaN where nothing spoke for the answer; hit: whether its maximum is (pointing game, Zhang et al., IJCV 2018);
    cover: the share of the image inside the boxes, which energy would be by chance; hit_chance: what hit would be if each
    place of the stage were as likely the hottest (coarse maps have their maximum at the rim).

    boxes: of every image of the data set, rows of xmin, ymin, xmax, ymax, the last pixels inside, counted from 1.
    """
    rows = {}
    for heat in (heat for heat in heats if len(boxes[heat.image])):
        inside_HW, heat_HW = _inside(boxes[heat.image], heat.map_HW.shape), heat.map_HW
        row = {
            "cover": inside_HW.mean(),
            "hit_chance": peaks(heat.places, heat_HW.shape)[inside_HW].sum(),
        }
        if heat_HW.max() > 0:
            row["energy"] = heat_HW[inside_HW].sum() / heat_HW.sum()
            row["hit"] = inside_HW[heat_HW == heat_HW.max()].mean()  # equal maxima share it
        rows[heat.image] = row
    columns = ["energy", "hit", "cover", "hit_chance"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float).sort_index()


def pointing(
    found: Mapping[str, Mapping[int, pd.DataFrame]],
    labels: npt.NDArray[np.int64],
    reference: str | None,
) -> pd.DataFrame:
    """One row a name of `found`, which holds the `shares` of each training by its seed, with the columns `MEASURED`.

    Means over images and trainings, with 95 % intervals over other images of these classes and, of several trainings, over
    other trainings. An image without heat in one of them has none to share out: it is left out, and counted in
    without_heat. above_chance: energy less cover, image by image; difference: energy less that of the reference, on the
    images and trainings of both. labels: of every image of the data set its class.
    """
    whole = {name: _with_heat(of_trainings) for name, of_trainings in found.items()}
    rows = []
    for name, parts in whole.items():
        first = next(iter(parts.values()))
        at, asked = labels[first.index], next(iter(found[name].values()))
        energy_SM, hit_SM = (
            np.stack([part[of] for part in parts.values()]) for of in ("energy", "hit")
        )
        row: dict[str, object] = {
            "baseline": name, "images": len(first), "trainings": len(parts), "without_heat": len(asked) - len(first),
            **_named("energy", stats.over_images(energy_SM, at, share=True)),
            **_named("hit", stats.over_images(hit_SM, at, share=True)),
            "cover": first["cover"].mean(), "hit_chance": first["hit_chance"].mean(),
            **_named("above_chance", stats.over_images(energy_SM - first["cover"].to_numpy(), at, share=False)),
        }  # fmt: skip
        if reference in whole and reference != name:
            row |= _named("difference", _apart(parts, whole[reference], labels))
        rows.append(row)
    whole_numbers = dict.fromkeys(("images", "trainings", "without_heat"), "Int64")
    return pd.DataFrame(rows, columns=["baseline", *MEASURED]).astype(whole_numbers)


def _with_heat(parts: Mapping[int, pd.DataFrame]) -> dict[int, pd.DataFrame]:
    """Of each training the images that have heat in all."""
    warm = pd.concat([part["energy"] for part in parts.values()], axis=1).dropna().index
    return {seed: part.loc[warm] for seed, part in parts.items()}


def _apart(
    one: Mapping[int, pd.DataFrame], held: Mapping[int, pd.DataFrame], labels: npt.NDArray[np.int64]
) -> stats.Mean:
    """The paired difference in energy, on the images and trainings of both."""
    apart = [
        (one[seed]["energy"] - held[seed]["energy"]).dropna() for seed in one.keys() & held.keys()
    ]
    if not apart:
        return stats.Mean(np.nan, np.nan, np.nan)
    return stats.over_images(np.stack(apart), labels[apart[0].index], share=False)


def _named(name: str, found: stats.Mean) -> dict[str, float]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def _inside(boxes: npt.NDArray[np.int64], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(H, W): whether a pixel lies in a box."""
    inside_HW = np.zeros(shape, dtype=bool)
    for left, top, right, bottom in boxes.tolist():
        inside_HW[max(0, top - 1) : bottom, max(0, left - 1) : right] = True
    return inside_HW
