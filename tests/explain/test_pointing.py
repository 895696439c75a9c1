"""How much of a heat map lies in boxes."""

import numpy as np
import pandas as pd
import pytest

from fewshot_bench.explain.gradcam import Heat
from fewshot_bench.explain.pointing import pointing, shares


def heat(image: int, rows: list[list[float]]) -> Heat:
    return Heat(image, "a", np.array(rows, dtype=np.float32), (2, 2))


BOXES = [
    np.array([[1, 1, 2, 1], [2, 1, 2, 2]]),
    np.array([[2, 2, 2, 2]]),
    np.array([], dtype=np.int64).reshape(0, 4),
]


def test_shares_by_hand():
    found = shares(
        [heat(1, [[0, 0], [0, 0]]), heat(0, [[1, 2], [3, 4]]), heat(2, [[1, 1], [1, 1]])], BOXES
    )
    assert found.index.tolist() == [0, 1], "the third has no box"
    assert found.loc[0, ["energy", "hit", "cover"]].tolist() == [pytest.approx(0.7), 1, 0.75]
    assert found.loc[1, ["energy", "hit"]].isna().all(), "nothing to share out"
    assert shares([heat(0, [[2, 2], [2, 2]])], BOXES)["hit"][0] == 0.75, "equal maxima share it"
    assert found["hit_chance"].tolist() == pytest.approx([0.75, 0.25])


def frame(energy: list[float]) -> pd.DataFrame:
    chance = {"hit": 1.0, "cover": 0.25, "hit_chance": 0.25}
    return pd.DataFrame({"energy": energy, **chance}, index=range(10, 10 + len(energy)))


def test_pointing_pairs_images_and_trainings_of_both():
    labels = np.zeros(20, dtype=int)
    one = {0: frame([0.5, 0.6, np.nan, 0.8]), 1: frame([0.5, 0.8, 0.9, 0.8])}
    held = {1: frame([0.1, 0.2, 0.3, np.nan])}
    rows = pointing({"one": one, "held": held}, labels, "held").set_index("baseline")
    assert rows["images"].tolist() == [3, 3]
    assert rows["without_heat"].tolist() == [1, 1]
    assert rows["trainings"].tolist() == [2, 1]
    assert rows["energy"]["one"] == pytest.approx(np.mean([0.5, 0.7, 0.8]))
    assert rows["difference"]["one"] == pytest.approx(np.mean([0.4, 0.6])), (
        "of seed 1, on images 10 and 11"
    )
    assert rows["above_chance"]["held"] == pytest.approx(-0.05)
    apart = pointing({"one": {0: one[1]}, "held": held}, labels, "held").set_index("baseline")
    assert np.isnan(apart["difference"]["one"]), "no training of both"
