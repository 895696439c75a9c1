"""Classes that are made of several defects: heads that may answer none, and 0 shots."""

from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run

WAFER = {"wafer-sim.per_class": "20"}
COMPOSING = [plugin("composing")]
SMALL_WAFER = {"dataset": "wafer-sim", "settings": {"wafer-sim.per_class": "8"}, "queries": 2}


def test_unseen_mixtures_are_recognised_without_references(tmp_path: Path):
    run(
        tmp_path,
        COMPOSING,
        dataset="wafer-sim",
        settings=WAFER,
        baselines=["composing", "pixels"],
        rules=["own", "unit_mean"],
        shots=[0, 1],
        ways=3,
        episodes=200,
    )
    table = api.leaderboard(tmp_path)
    zero = table[table["shots"] == 0].set_index("baseline")
    assert zero.loc["composing", "rule"] == "compose"
    assert zero.loc["composing", "accuracy"] > 0.55  # chance is 1/3
    width = zero.loc["composing", "ci95_high"] - zero.loc["composing", "ci95_low"]
    assert 0 < width < 0.3
    assert zero.loc["pixels", "rule"] == "compose"
    reasons = zero["note"]
    assert "needs references; ask for 1 shot" in reasons["pixels"]
    assert "none at 0 shots" in reasons["composing+unit_mean"]
    one = table[table["shots"] == 1].set_index("baseline")
    assert (one["status"] == "ok").all()
    assert one.loc["composing", "rule"] == "mean_cosine"


def test_who_needs_references_is_not_trained_for_0_shots(tmp_path: Path):
    outcome = run(
        tmp_path, COMPOSING, baselines=["siamese", "composing"], shots=[0], **SMALL_WAFER, budget=64
    )
    (siamese,) = [one for one in outcome.records if one.baseline.name == "siamese"]
    assert siamese.status == "not applicable"
    assert siamese.training.images_passed is None


def test_0_shots_that_nobody_answers_are_a_mistake(tmp_path: Path):
    with pytest.raises(UserError, match="siamese, pixels cannot do without"):
        run(tmp_path, baselines=["siamese", "pixels"], shots=[0])


def test_without_references_classes_must_be_made_of_defects(tmp_path: Path):
    run(tmp_path, COMPOSING, baselines=["composing"], shots=[0])
    table = api.leaderboard(tmp_path)
    assert "are not made of known kinds of defect" in table["note"].item()


@pytest.mark.parametrize("option", [{"known": ["all"]}, {"open_set": True}])
def test_known_classes_and_open_sets_need_references(tmp_path: Path, option: dict[str, object]):
    with pytest.raises(UserError, match="shots=0 leaves nothing to compare"):
        run(tmp_path, shots=[0], ways=2, **option)


def test_a_combination_that_is_no_class_is_wrong(tmp_path: Path):
    run(
        tmp_path,
        COMPOSING,
        dataset="wafer-sim",
        settings=WAFER,
        baselines=["composing"],
        shots=None,
        queries=None,
        episodes=None,
        train_fraction=[0.5],
        runs=2,
    )
    table = api.leaderboard(tmp_path)
    confusion = api.confusion(tmp_path)
    right = confusion[confusion["class"] == confusion["predicted"]]
    none = confusion[confusion["predicted"] == "none of these"]
    assert none["count"].sum() > 0
    assert set(none["class"]) == set(confusion["class"])
    tested = confusion.groupby("class")["count"].sum()
    assert (tested == tested.iloc[0]).all()
    assert table["accuracy"].item() == pytest.approx(right["count"].sum() / tested.sum())
    shares = confusion.groupby("class")["share"].sum()
    assert shares.tolist() == pytest.approx([1.0] * len(shares))
