"""Pairs: where the threshold lies, how images are turned, and pair heads that cheat."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from fewshot_bench import api
from fewshot_bench.engine.embedding import turned
from fewshot_bench.engine.pairs import best_threshold
from tests.helpers.runs import QUICK

PAIRS = dataclasses.replace(QUICK, shots=None, queries=None, episodes=None, pairs=60)
CHEATS = Path(__file__).parents[1] / "helpers" / "plugins" / "cheats"


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_tells_more_pairs_apart(seed: int):
    rng = np.random.default_rng(seed)
    is_same = rng.random(40) < 0.5
    scores = (rng.integers(0, 12, 40) + 3 * is_same).astype(np.float32)
    found = best_threshold(scores, is_same)
    right = [((scores > place) == is_same).sum() for place in np.arange(-0.5, 16)]
    between = max(right[1:-1])  # some are called the same, and some different
    assert ((scores > found) == is_same).sum() == between


def test_a_threshold_lies_in_the_middle_of_two_scores():
    scores = np.array([0.1, 0.2, 0.6, 0.9], dtype=np.float32)
    assert best_threshold(scores, np.array([False, False, True, True])) == pytest.approx(0.4)


def test_equal_scores_are_all_called_different():
    scores = np.full(4, 0.5, dtype=np.float32)
    assert best_threshold(scores, np.array([True, False, True, False])) == 0.5


def test_images_are_turned_by_quarters_and_mirrored():
    image = torch.arange(9).reshape(1, 1, 3, 3)
    eight = turned(image.expand(8, -1, -1, -1), torch.arange(8))
    for number, view in enumerate(eight):
        expected = np.rot90(image[0].numpy(), number // 2, (1, 2))
        if number % 2:
            expected = expected[:, :, ::-1]
        np.testing.assert_array_equal(view.numpy(), expected)
    assert len(torch.unique(eight.flatten(1), dim=0)) == 8


def test_a_pair_head_that_looks_at_the_other_pairs_is_found(tmp_path: Path):
    name = "pairs_that_look_at_each_other"
    request = dataclasses.replace(PAIRS, baselines=[name])
    (record,) = api.run(request, tmp_path, plugins=[CHEATS / f"{name}.py"]).records
    assert record.status == "failed"
    assert "depends on the others it came with" in record.reason
