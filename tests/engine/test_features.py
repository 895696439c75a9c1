"""Features are made once, and only those that are the same are shared."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fewshot_bench import api
from fewshot_bench.engine import features as module
from fewshot_bench.engine.embedding import dihedral_views
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.work import fitted_baseline
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.records.folder import ResultsFolder
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
    image = torch.arange(12.0).view(1, 1, 3, 4)
    views = [tuple(view.flatten().tolist()) for view in dihedral_views(image, 8)]
    assert len(set(views)) == 8
    assert [tuple(view.flatten().tolist()) for view in dihedral_views(image, 1)] == views[:1]


VIEWS = {**SMALL, "mean_cosine.reference_views": "8"}


def features_of(out: Path, **changes: object) -> tuple[Features, tuple[object, ...]]:
    """The features of the first training of a plan, and the rules of its cells."""
    asked = {**SHORT, "image_size": None, "settings": VIEWS, "baselines": ["pixels"]}
    plan = make_plan(Request(**asked | changes), Registry())  # type: ignore[arg-type]
    fitted = fitted_baseline(plan, plan.cells[0], ResultsFolder(out), lambda progress: None)
    return Features(fitted), tuple(cell.rule for cell in plan.cells)


@pytest.mark.parametrize("of_mean", [1, 8])
def test_single_views_are_embedded_turned_by_themselves(tmp_path: Path, of_mean: int):
    features, (choice,) = features_of(tmp_path, views=of_mean)
    fitted = features.fitted
    images = fitted.images(np.arange(5))
    with torch.no_grad():
        each = [fitted.baseline.embed(view) for view in dihedral_views(images, 8)]
    expected_VMD = torch.stack(each)
    further_VMD = features.views_VMD[:, :5]
    assert torch.allclose(further_VMD, expected_VMD[-len(further_VMD) :], atol=1e-5)
    assert len(further_VMD) == (7 if of_mean == 1 else 8)
    plain_MD = expected_VMD[0] if of_mean == 1 else expected_VMD.mean(0)
    assert torch.allclose(features.embeddings_MD[:5], plain_MD, atol=1e-5)
    references = features.references(choice, np.array([[2, 4]]))
    assert torch.allclose(references, expected_VMD[:, [2, 4]].flatten(0, 1)[None], atol=1e-5)


@pytest.mark.usefixtures("empty_cache")
def test_single_views_are_kept_and_shared_and_forgotten(tmp_path: Path):
    cache = tmp_path / "cache"
    pixels = {"baselines": ["pixels"], "image_size": None}
    plain = run(tmp_path / "one", **pixels)
    viewed = run(tmp_path / "one", settings=VIEWS, **pixels)
    assert viewed.table["baseline"].tolist() == ["pixels[reference_views=8]"]
    assert embedded(cache) == 2
    again = run(tmp_path / "two", settings=VIEWS, rules=["own", "ridge"], **pixels)
    (first,) = plain.records
    of_views, of_ridge = again.records
    # seconds are those of when they were made
    assert of_views.seconds["embed"] == viewed.records[0].seconds["embed"]
    assert of_views.seconds["embed"] > first.seconds["embed"] == of_ridge.seconds["embed"]
    features, _ = features_of(tmp_path)
    features.forget()
    assert embedded(cache) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": ["own", "easyfsl:SimpleShot", "tim"], "shots": [2]},
        {"known": ["all"], "open_set": True, "ways": 2, "rules": ["whitened"]},
        {
            "protocol": "steel-sim-classify",
            "train_per_class": [2],
            "runs": 2,
            "shots": None,
            "queries": None,
            "episodes": None,
        },
    ],
    ids=["one by one", "open world", "classification"],
)
def test_every_protocol_takes_views_of_references(tmp_path: Path, changes: dict[str, object]):
    names = changes.get("rules", ["mean_cosine"])
    settings = dict(SMALL)
    for name in names:  # type: ignore[attr-defined]
        rule = "mean_cosine" if name == "own" else name
        settings[f"{rule}.reference_views"] = "8"
    outcome = run(tmp_path, baselines=["pixels"], image_size=None, settings=settings, **changes)
    assert not outcome.failed
    assert all(name.endswith("[reference_views=8]") for name in outcome.table["baseline"])
    assert outcome.table["accuracy"].notna().all()


def test_views_of_too_many_images_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "VIEW_VALUES", 1000)
    outcome = run(tmp_path, baselines=["pixels"], image_size=None, settings=VIEWS)
    (record,) = outcome.records
    assert record.status == "not applicable"
    assert "(allowed: 1000); leave reference_views out" in record.reason
