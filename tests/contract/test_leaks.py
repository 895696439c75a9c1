"""A cheating baseline for each leak: the harness must catch it, or what it cheats with must be worth nothing."""

from pathlib import Path

import pytest
import torch

from fewshot_bench.contract.leaks import largest_difference
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run

# file of tests/helpers/plugins/cheats: what the harness says
CHEATS = {
    "batch_statistics_of_the_test_images": "depends on the others it came with",
    "a_batch_norm_left_in_training_mode": "norm is in training mode",
    "buffers_updated_while_answering": "answering changed its seen",
    "images_changed_in_place": "changed the images",
    "a_count_of_the_images_seen_so_far": "depends on the others it came with",
    "pairs_that_look_at_each_other": "depends on the others it came with",
    "queries_that_look_at_each_other_from_features": "depends on the others it came with",
    "queries_that_look_at_each_other_from_images": "depends on the others it came with",
    "blocks_of_queries_that_look_at_each_other": "depends on the others it came with",
    "episodes_that_look_at_each_other": "otherwise among others than classify does alone",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_the_cheat_is_caught(tmp_path: Path, cheat: str):
    outcome = run(tmp_path / "out", [plugin(f"cheats/{cheat}")], baselines=[cheat])
    assert {record.status for record in outcome.records} == {"failed"}
    assert CHEATS[cheat] in outcome.records[0].reason
    assert outcome.table["accuracy"].isna().all()


def test_the_order_of_queries_tells_nothing(tmp_path: Path):
    """Queries lie class by class in an episode; who bets on that, and is alone consistent with it, is at chance."""
    outcome = run(tmp_path / "out", [plugin("order")], baselines=["order"], episodes=400)
    assert outcome.table["status"].tolist() == ["ok", "ok"]
    assert outcome.table["accuracy"].tolist() == pytest.approx([1 / 3, 1 / 3], abs=0.04)


def test_a_declared_transductive_baseline_is_let_through_and_marked(tmp_path: Path):
    outcome = run(
        tmp_path / "out", [plugin("declared")], baselines=["declared", "pixels"], shots=[1]
    )
    marked = outcome.table.set_index("baseline")["transductive"]
    assert marked["declared"]
    assert not marked["pixels"]


def test_seeding_the_global_generators_leaves_no_trace(tmp_path: Path):
    before = torch.random.get_rng_state()
    outcome = run(tmp_path / "out", [plugin("seeder")], baselines=["seeder"])
    assert not outcome.failed
    assert torch.equal(before, torch.random.get_rng_state())


def test_fit_sees_no_test_class(tmp_path: Path):
    outcome = run(tmp_path / "out", [plugin("distrustful")], baselines=["distrustful"])
    assert not outcome.failed


def test_an_answer_that_is_no_number_is_apart_from_any():
    scores = torch.eye(3)
    assert largest_difference(scores, scores) == 0.0
    assert largest_difference(scores, scores * float("nan")) == float("inf")
    assert largest_difference(scores * float("nan"), scores * float("nan")) == 0.0, (
        "it has diverged, which is told as such"
    )


def test_what_all_ways_of_a_query_share_hides_no_difference():
    scores = torch.eye(3)
    assert largest_difference(scores, scores + torch.tensor([[0.0], [5.0], [-5.0]])) < 1e-6
    assert largest_difference(1e4 + scores, 1e4 + scores.flip(0)) > 0.5
    assert largest_difference(1e4 + scores, 1e4 + scores + 1e-3) == 0.0
    assert (
        largest_difference(scores, scores + torch.tensor([[0.0], [5.0], [-5.0]]), of_scores=False)
        > 1.0
    )


# file of tests/helpers/plugins/rule_cheats: what the harness says
RULE_CHEATS = {
    "statistics_of_the_test_images": "depends on the others it came with",
    "said_to_be_the_same_after_a_shift": "say shift_invariant = False",
    "queries_look_at_each_other": "depends on the others it came with",
    "queries_look_at_each_other_one_by_one": "depends on the others it came with",
    "the_order_of_queries": "depends on the others it came with",
    "remembers_episodes": "answering changed its seen",
    "two_ways_that_differ": "score_products and scores differ",
    "not_a_number": "not finite",
    "lazy_statistics_of_the_test_images": "depends on the others it came with",
    "statistics_behind_the_first_images": "depends on the others it came with",
    "episodes_look_at_each_other": "otherwise among others than alone",
    "remembers_queries_under_new_names": "depends on the others it came with",
    "transductive_across_episodes": "otherwise among others than alone",
    "transductive_by_place": "otherwise among others than alone",
    "together_but_not_transductive": "depends on the others it came with",
}


@pytest.mark.parametrize("cheat", RULE_CHEATS)
def test_the_cheating_rule_is_caught(tmp_path: Path, cheat: str):
    outcome = run(tmp_path / "out", [plugin(f"rule_cheats/{cheat}")], rules=[cheat])
    assert not {record.status for record in outcome.records} & {"ok", "not applicable"}
    assert RULE_CHEATS[cheat] in outcome.records[0].reason
    assert outcome.table["accuracy"].isna().all()
