"""A cheating baseline for each leak: the harness must catch it, or what it cheats with must be worth nothing."""

from pathlib import Path

import pytest
import torch

from fewshot_bench.contract.leaks import apart
from tests.helpers.plugin_files import CAPABILITIES, EMBED, plugin
from tests.helpers.runs import run

CHEATS = {
    "batch statistics of the test images": (
        "    rule = 'mean_cosine'\n    def embed(self, images):\n        x = images.float().flatten(1)[:, ::7]\n        return x - x.mean(0)\n",
        "depends on the others it came with",
    ),
    "a batch norm left in training mode": (
        "    rule = 'mean_cosine'\n    def __init__(self, settings=None):\n        super().__init__(settings)\n"
        "        self.norm = torch.nn.BatchNorm1d(1024, affine=False)\n"
        "    def embed(self, images):\n        return self.norm(images.float().flatten(1)).detach()\n",
        "norm is in training mode",
    ),
    "buffers updated while answering": (
        "    rule = 'mean_cosine'\n    seen = torch.zeros(1)\n    def state(self):\n        return {'seen': self.seen}\n"
        "    def embed(self, images):\n        self.seen += len(images)\n        return images.float().flatten(1)[:, ::7]\n",
        "answering changed its seen",
    ),
    "images changed in place": (
        "    rule = 'mean_cosine'\n    def embed(self, images):\n        images //= 2\n        return images.float().flatten(1)[:, ::7]\n",
        "changed the images",
    ),
    "a count of the images seen so far": (
        "    rule = 'mean_cosine'\n    count = 0\n    def embed(self, images):\n        at = torch.arange(self.count, self.count + len(images))\n"
        "        Mine.count += len(images)\n        return torch.nn.functional.one_hot(at // 24, 999).float()\n",
        "depends on the others it came with",
    ),
    "pairs that look at each other": (
        EMBED + "    def pair(self, a, b):\n        a = a - a.mean(0)\n        return a @ b.T\n",
        "depends on the others it came with",
    ),
    "queries that look at each other, from features": (
        EMBED
        + "    def classify(self, support, query):\n        query = query - query.mean(0)\n        return query @ support.mean(1).T\n",
        "depends on the others it came with",
    ),
    "queries that look at each other, from images": (
        "    def predict(self, support, query):\n        q = query.float().flatten(1)\n        return (q - q.mean(0)) @ support.float().flatten(2).mean(1).T\n",
        "depends on the others it came with",
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_the_cheat_is_caught(tmp_path: Path, cheat: str):
    body, expected = CHEATS[cheat]
    name = "cheat_" + "_".join(cheat.replace(",", "").split())
    outcome = run(tmp_path / "out", [plugin(tmp_path, name, body)], baselines=[name])
    assert {record.status for record in outcome.records} == {"failed"}
    assert expected in outcome.records[0].reason
    assert outcome.table["accuracy"].isna().all()


def test_the_order_of_queries_tells_nothing(tmp_path: Path):
    """Queries lie class by class in an episode; who bets on that, and is alone consistent with it, is at chance."""
    body = (
        "    card = Card(title='Order', paper='a test', transductive=True)\n    def predict(self, support, query):\n"
        "        ways = len(support)\n        return torch.eye(ways)[torch.arange(len(query)) * ways // len(query)]\n"
    )
    outcome = run(
        tmp_path / "out", [plugin(tmp_path, "order", body)], baselines=["order"], episodes=400
    )
    assert outcome.table["status"].tolist() == ["ok", "ok"]
    assert outcome.table["accuracy"].tolist() == pytest.approx([1 / 3, 1 / 3], abs=0.04)


def test_a_declared_transductive_baseline_is_let_through_and_marked(tmp_path: Path):
    body = CHEATS["queries that look at each other, from features"][0]
    body = "    card = Card(title='Open', paper='a test', transductive=True)\n" + body
    outcome = run(
        tmp_path / "out",
        [plugin(tmp_path, "declared", body)],
        baselines=["declared", "pixels"],
        shots=[1],
    )
    marked = outcome.table.set_index("baseline")["transductive"]
    assert marked["declared"]
    assert not marked["pixels"]


def test_seeding_the_global_generators_leaves_no_trace(tmp_path: Path):
    body = CAPABILITIES["rule"].replace(
        "        return", "        torch.manual_seed(0)\n        return"
    )
    before = torch.random.get_rng_state()
    outcome = run(tmp_path / "out", [plugin(tmp_path, "seeder", body)], baselines=["seeder"])
    assert not outcome.failed
    assert torch.equal(before, torch.random.get_rng_state())


def test_fit_sees_no_test_class(tmp_path: Path):
    body = (
        "    rule = 'mean_cosine'\n    def fit(self, train, *, context):\n        assert len(train.class_names) == 3, train\n"
        "        assert set(train.labels) == {0, 1, 2}\n        assert not any('Crazing' in file for file in train.files)\n"
        + EMBED
    )
    assert not run(
        tmp_path / "out", [plugin(tmp_path, "fitted", body)], baselines=["fitted"]
    ).failed


def test_an_answer_that_is_no_number_is_apart_from_any():
    scores = torch.eye(3)
    assert apart(scores, scores) == 0.0
    assert apart(scores, scores * float("nan")) == float("inf")
    assert apart(scores * float("nan"), scores * float("nan")) == 0.0, (
        "it has diverged, which is told as such"
    )


def test_what_all_ways_of_a_query_share_hides_no_difference():
    scores = torch.eye(3)
    assert apart(scores, scores + torch.tensor([[0.0], [5.0], [-5.0]])) < 1e-6
    assert apart(1e4 + scores, 1e4 + scores.flip(0)) > 0.5
    assert apart(1e4 + scores, 1e4 + scores + 1e-3) == 0.0
    assert apart(scores, scores + torch.tensor([[0.0], [5.0], [-5.0]]), of_scores=False) > 1.0
