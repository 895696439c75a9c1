"""Features are made once, and only those that are the same are shared."""

from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import SMALL

SHORT = {"shots": [1], "queries": 5, "episodes": 40, "image_size": 32, "device": "cpu"}


def run(out: Path, *plugins: str, **changes: object) -> api.Outcome:
    settings = {**SMALL, **changes.pop("settings", {})}
    request = Request(**{**SHORT, "settings": settings} | changes)  # type: ignore[arg-type]
    return api.run(request, out, plugins=[plugin(name) for name in plugins])


def embedded(cache: Path) -> int:
    return len(list(cache.glob("features/*")))


@pytest.mark.usefixtures("empty_cache")
def test_frozen_features_serve_rules_splits_seeds_protocols_and_other_folders(tmp_path: Path):
    cache = tmp_path / "cache"
    first = run(tmp_path / "one", baselines=["frozen"], rules=["own", "whitened"])
    assert embedded(cache) == 1
    again = run(tmp_path / "two", baselines=["frozen"], rules=["own", "ridge"], splits="all")
    run(tmp_path / "two", baselines=["frozen"], seeds=2, episode_seed=3)
    assert embedded(cache) == 1
    assert not first.failed
    assert not again.failed
    same = first.table["baseline"] == "frozen"
    assert (run(tmp_path / "three", baselines=["frozen"]).table["accuracy"].tolist()) == (
        first.table[same]["accuracy"].tolist()
    )
    run(tmp_path / "one", baselines=["frozen"], views=8)
    run(tmp_path / "one", baselines=["frozen"], image_size=48)
    assert embedded(cache) == 3


@pytest.mark.usefixtures("empty_cache")
def test_an_encoder_that_is_not_trained_shares_its_features(tmp_path: Path):
    run(tmp_path, baselines=["frozen", "relation"], freeze=True, budget=32, weights="imagenet",
        encoder="efficientnet_lite0")  # fmt: skip
    assert embedded(tmp_path / "cache") == 1


@pytest.mark.usefixtures("empty_cache")
def test_a_method_that_changes_the_weights_shares_nothing(tmp_path: Path):
    noisy = run(tmp_path / "one", "noisy_weights", baselines=["noisy_weights", "frozen"]).table
    assert embedded(tmp_path / "cache") == 2
    accuracy = noisy.set_index("baseline")["accuracy"]
    assert accuracy["noisy_weights"] != accuracy["frozen"]


@pytest.mark.usefixtures("empty_cache")
def test_a_damaged_file_of_the_cache_is_made_anew(tmp_path: Path):
    first = run(tmp_path / "one", baselines=["frozen"])
    (file,) = (tmp_path / "cache" / "features").iterdir()
    file.write_bytes(file.read_bytes()[:1000])
    second = run(tmp_path / "two", baselines=["frozen"])
    assert not second.failed
    assert second.table["accuracy"].tolist() == first.table["accuracy"].tolist()


def test_a_fit_from_outside_may_look_at_the_images():
    registry = Registry([plugin("fit_of_a_mixin")])
    assert registry.baseline("fit_of_a_mixin").load().learns_from == "images"
    assert Registry().baseline("untrained").load().learns_from == "seed"


def test_views_are_the_eight_turned_and_mirrored_images():
    import torch

    from fewshot_bench.engine.embedding import dihedral_views

    image = torch.arange(12.0).view(1, 1, 3, 4)
    views = [tuple(view.flatten().tolist()) for view in dihedral_views(image, 8)]
    assert len(set(views)) == 8
    assert [tuple(view.flatten().tolist()) for view in dihedral_views(image, 1)] == views[:1]
