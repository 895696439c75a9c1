"""Simulated wafer maps."""

from pathlib import Path

import numpy as np
from fewshot_bench.plugins.episodes.mixedwm38 import (
    CLASSES,
    MAPS,
)
from fewshot_bench.plugins.episodes.wafer_sim import IMBALANCE, WaferSim, WaferSimSettings

from fewshot_bench import api
from fewshot_bench.request import Request


def test_simulated_maps_depend_on_the_seed_alone_and_look_like_wafers():
    first, again, other = (
        WaferSim(WaferSimSettings(per_class=3, seed=seed)).load(None) for seed in (1, 1, 2)
    )
    assert first.class_names == CLASSES
    assert first.digest == again.digest != other.digest
    states = first.images.argmax(1)
    assert (np.unique(states) == [0, 1, 2]).all()
    outside = (states == 0).mean((1, 2))
    assert outside.min() == outside.max()  # one disc for all
    assert 0.15 < outside[0] < 0.25
    failed = {
        name: (states[first.labels == label] == 2).mean() for label, name in enumerate(CLASSES)
    }
    assert failed["Normal"] < failed["EL"] < failed["NF"]
    assert failed["L"] < failed["C+L"]


def test_imbalance_is_that_of_the_published_set():
    counts = [round(1000 * IMBALANCE.get(name, 1.0)) for name in CLASSES]
    assert sum(counts) == MAPS
    small = WaferSim(WaferSimSettings(per_class=20, imbalanced=True)).load(None)
    assert np.bincount(small.labels)[[0, 6, 28]].tolist() == [20, 3, 40]


def test_a_run_over_mixed_types(tmp_path: Path):
    settings = {"wafer-sim.per_class": "12"}
    request = Request(
        dataset="wafer-sim",
        shots=[1, 5],
        queries=5,
        episodes=100,
        baselines=["untrained"],
        settings=settings,
        preset="scratch",
    )
    table = api.run(request, tmp_path).table
    assert table["ways"].tolist() == [29, 29]
    assert (table["accuracy"] > 3 / 29).all()
    assert table["accuracy"][1] > table["accuracy"][0]
