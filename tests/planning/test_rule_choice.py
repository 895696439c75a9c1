"""Which rules a request comes to: each once, `own` for the baseline's own, errors for what cannot be."""

from pathlib import Path

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.planning.rule_choice import fast_rules
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import SMALL, run


def names(*rules: str, **changes: object) -> list[str]:
    request = Request(settings=SMALL, shots=[1], episodes=10, rules=rules, **changes)  # type: ignore[arg-type]
    return make_plan(request, Registry()).baselines


def test_own_is_the_default_and_names_no_rule():
    assert names(baselines=["pixels"]) == ["pixels"]
    assert names("own", baselines=["pixels"]) == ["pixels"]


def test_the_own_rule_by_its_name_is_the_same_row():
    assert names("own", "mean_cosine", "whitened", baselines=["pixels"]) == [
        "pixels",
        "pixels+whitened",
    ]


def test_the_name_of_a_row_stands_for_its_baseline_and_rule():
    assert names(baselines=["pixels+whitened", "resnet"]) == ["pixels+whitened", "resnet"]


def test_all_are_the_own_rule_and_every_fast_one():
    rules = set(fast_rules(Registry())) - {"mean_cosine"}
    assert set(names("all", baselines=["pixels"])) == {
        "pixels",
        *(f"pixels+{rule}" for rule in rules),
    }


def test_baselines_with_heads_answer_by_rules_on_their_features_too():
    assert names("own", "whitened", baselines=["siamese", "relation"]) == [
        "siamese",
        "siamese+whitened",
        "relation",
        "relation+whitened",
    ]


def test_an_unknown_rule_names_those_there_are():
    with pytest.raises(UserError, match=r"unknown rule 'magic' \(allowed: .*whitened"):
        names("magic", baselines=["pixels"])


def test_a_rule_for_a_baseline_without_features_is_an_error():
    request = Request(settings=SMALL, rules=["whitened"], baselines=["by_predict"])
    with pytest.raises(UserError, match="whitened needs features, and by_predict answers from"):
        make_plan(request, Registry([plugin("by_predict")]))


def test_settings_of_a_rule_belong_to_it():
    with pytest.raises(UserError, match="for whitened, which is not in this run"):
        make_plan(
            Request(settings={**SMALL, "whitened.power": "0.5"}, baselines=["pixels"]), Registry()
        )
    with pytest.raises(UserError, match=r"power=0\.0 is out of bounds"):
        make_plan(
            Request(
                settings={**SMALL, "whitened.power": "0"}, baselines=["pixels"], rules=["whitened"]
            ),
            Registry(),
        )


def test_an_old_name_becomes_what_it_stands_for_and_says_so():
    request = Request(settings=SMALL, shots=[1], baselines=["resnet", "simpleshot", "easyfsl:TIM"])
    plan = make_plan(request, Registry())
    assert plan.baselines == ["resnet", "resnet+centred", "resnet+easyfsl:TIM"]
    assert len(plan.trainings) == 1
    assert [note.split(" is ")[0] for note in plan.notes] == ["simpleshot", "easyfsl:TIM"]
    assert "--baselines resnet --rules centred" in plan.notes[0]


def test_of_the_standard_baselines_those_that_train_come_last():
    standard = ["frozen", "frozen+whitened", "pixels", "untrained"]
    assert names() == [*standard, "protonet", "resnet", "scl_amp", "siamese"]
    assert names(baselines=["resnet", "pixels"]) == ["resnet", "pixels"]


def test_a_standard_baseline_that_needs_something_is_not_left_out(
    monkeypatch: pytest.MonkeyPatch,
):
    frozen = Registry().baseline("frozen").load()
    monkeypatch.setattr(frozen, "needs", ("no_such_weights", "pretrained"))
    with pytest.raises(
        UserError, match=r"frozen needs no_such_weights.*install fewshot-bench\[pre"
    ):
        names(preset="scratch")
    assert names(baselines=["pixels"], preset="scratch") == ["pixels"]


def test_the_rules_of_the_standard_baselines_can_be_named():
    chosen = names("ridge", baselines=[])
    assert "frozen+ridge" in chosen
    assert "frozen" not in chosen


def test_settings_of_rules_make_rows_of_their_own(tmp_path: Path):
    out = tmp_path / "out"
    run(out, rules=["own", "whitened"])
    assert "pixels+whitened" in set(run(out, rules=["whitened"]).table["baseline"])
    changed = {**SMALL, "whitened.power": "0.5"}
    outcome = run(out, rules=["whitened"], settings=changed)
    assert set(outcome.table["baseline"]) == {"pixels+whitened[power=0.5]"}
    whole = run(out, rules=["own", "whitened"]).table
    assert set(whole["baseline"]) == {"pixels", "pixels+whitened[power=1]"}
    assert set(whole["rule"]) == {"mean_cosine", "whitened"}


def test_a_setting_that_was_given_for_a_rule_is_named_where_it_stands_alone(tmp_path: Path):
    changed = {**SMALL, "tip.sharpness": "32"}
    outcome = run(tmp_path / "out", rules=["tip"], settings=changed)
    assert set(outcome.table["baseline"]) == {"pixels+tip[sharpness=32]"}


def test_a_strangers_rule_runs_beside_the_own_one(tmp_path: Path):
    file = tmp_path / "farthest.py"
    file.write_text(plugin("rule_cheats/two_ways_that_differ").read_text().split("    def scores(")[0] + (
        "    def score_products(self, products):\n        return -products.query_NKBQ.mean(1)\n"
    ))  # fmt: skip
    outcome = run(tmp_path / "out", [file])
    assert set(outcome.table["baseline"]) == {"pixels", "pixels+farthest"}
    assert not outcome.failed


def test_records_from_before_views_of_references_keep_their_keys():
    keys = []
    for given in ({}, {"tip.reference_views": "1"}, {"tip.reference_views": "8"}):
        request = Request(settings={**SMALL, **given}, baselines=["pixels"], rules=["tip"])
        cell = make_plan(request, Registry()).cells[0]
        keys.append(cell.key)
        expected = {"power": 1.0, "sharpness": 5.5}
        if given == {"tip.reference_views": "8"}:
            expected["reference_views"] = 8
        assert cell.rule.recorded_settings == expected
    assert keys[0] == keys[1] != keys[2]


def test_references_stand_as_one_view_or_eight():
    request = Request(
        settings={**SMALL, "tip.reference_views": "2"}, baselines=["pixels"], rules=["tip"]
    )
    with pytest.raises(UserError, match=r"unknown reference_views '2' \(allowed: 1, 8\)"):
        make_plan(request, Registry())
