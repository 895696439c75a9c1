"""The hardest pictures: counted as by hand, the sure ones first."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from fewshot_bench.leaderboard.columns import HARDEST
from fewshot_bench.leaderboard.hardest import _lower_bound, hardest
from fewshot_bench.protocols.episode import NO_QUERY
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.runs import run


def test_it_counts_as_by_hand(tmp_path: Path):
    run(tmp_path, baselines=["pixels", "untrained"])
    predictions = ResultsFolder(tmp_path).predictions()
    asked: Counter[int] = Counter()
    taken: Counter[tuple[int, str]] = Counter()
    own = {}
    for one in predictions:
        names = one.record.protocol.test_classes
        for classes, queries, predicted in zip(
            one.episodes.classes_TN, one.episodes.query_TNQ, one.predicted_TNQ, strict=True
        ):
            for row, label in enumerate(classes):
                for image, answer in zip(queries[row].tolist(), predicted[row], strict=True):
                    assert image != NO_QUERY
                    asked[image] += 1
                    own[image] = names[label]
                    taken[image, names[answer]] += 1
    frame = hardest(predictions)
    assert tuple(frame.columns) == HARDEST
    assert set(frame["image"]) == set(asked)
    for row in frame.to_dict("records"):
        image = row["image"]
        right = taken[image, own[image]]
        assert (row["class"], row["asked"]) == (own[image], asked[image])
        assert row["wrong"] == asked[image] - right
        assert row["share"] == pytest.approx(row["wrong"] / row["asked"])
        others = {name: taken[image, name] for name in names if name != own[image]}
        most = max(others.values())
        assert others[row["taken_for"]] == most if most else row["taken_for"] == ""


def test_many_misses_stand_before_a_single_one():
    bounds = _lower_bound(np.array([0.9, 1.0, 0.0]), np.array([100, 1, 10]))
    assert bounds.argsort().tolist() == [2, 1, 0]
    assert bounds[0] == pytest.approx(proportion_confint(90, 100, method="wilson")[0])


def test_pairs_are_left_out(tmp_path: Path):
    run(tmp_path, pairs=20, shots=None, queries=None, episodes=None)
    assert hardest(ResultsFolder(tmp_path).predictions()).empty
