"""easyfsl's classifiers behind our interface."""

from pathlib import Path

import pytest
import torch
from easyfsl import methods

from fewshot_bench.errors import NotApplicable
from fewshot_bench.registry.registry import Registry, usable
from tests.helpers.rule_checks import FEATURES_MD, TRAIN_MD, fitted
from tests.helpers.runs import run

VARIANTS = [
    plugin.name
    for plugin, _ in usable(Registry().every_rule())
    if plugin.name.startswith("easyfsl:")
]


CLASSES = {"BD_CSPN": "BDCSPN"}  # where easyfsl's name is another


OPTIONS = {  # of the default of each in scripts/methods_configs.json of easyfsl's repository
    "Finetune": {"fine_tuning_steps": 50, "fine_tuning_lr": 0.0001, "temperature": 10.0},
    "LaplacianShot": {"inference_steps": 10, "knn": 3, "lambda_regularization": 0.1},
    "PTMAP": {"fine_tuning_steps": 30, "fine_tuning_lr": 0.3, "lambda_regularization": 10, "power_factor": 0.5},
    "TIM": {
        "fine_tuning_steps": 50, "fine_tuning_lr": 0.001, "cross_entropy_weight": 1.0, "marginal_entropy_weight": 1.0,
        "conditional_entropy_weight": 0.5, "temperature": 10.0,
    },
    "TransductiveFinetuning": {"fine_tuning_steps": 10, "fine_tuning_lr": 0.0001, "temperature": 10.0},
}  # fmt: skip


def test_the_classifiers_that_need_no_training_of_their_own_are_there():
    assert {name.partition(":")[2] for name in VARIANTS} == {
        "BD_CSPN", "Finetune", "LaplacianShot", "PTMAP", "SimpleShot", "TIM", "TransductiveFinetuning",
    }  # fmt: skip


SUPPORT_NKD = torch.from_numpy(FEATURES_MD[[0, 1, 30, 31, 55, 56]]).view(3, 2, -1)
QUERY_QD = torch.from_numpy(FEATURES_MD[[5, 6, 7, 35, 36, 37, 60, 61, 62]])


@pytest.mark.parametrize("name", VARIANTS)
def test_scores_are_easyfsls_and_the_card_tells_what_is_transductive(name: str):
    rule = fitted(name, centre=True)
    kind = getattr(methods, CLASSES.get(name[8:], name[8:]))
    assert rule.card.transductive == kind.is_transductive()
    classifier = kind(
        feature_centering=TRAIN_MD.mean(0),
        feature_normalization=2.0,
        **OPTIONS.get(name[8:], {}),
    )
    with torch.no_grad():  # as the harness does
        classifier.process_support_set(
            SUPPORT_NKD.flatten(0, 1), torch.arange(3).repeat_interleave(2)
        )
        expected = classifier(QUERY_QD).detach()
        scores = rule.scores(SUPPORT_NKD, QUERY_QD)
        assert scores.shape == (len(QUERY_QD), 3)
        assert torch.allclose(scores, expected, atol=1e-4)
        assert torch.equal(scores, rule.scores(SUPPORT_NKD, QUERY_QD))


@pytest.mark.parametrize("name", ["LaplacianShot", "PTMAP"])
def test_too_few_queries_are_not_applicable(name: str):
    """The first looks at three neighbours, the second shares out one query a way at least."""
    rule = fitted(f"easyfsl:{name}")
    with pytest.raises(NotApplicable, match="needs 3 queries of an episode together"):
        rule.scores(SUPPORT_NKD, QUERY_QD[:2])


def test_one_training_serves_them_all_and_the_old_names(tmp_path: Path):
    names = ["resnet", "simpleshot", "easyfsl:SimpleShot", "easyfsl:BD_CSPN"]
    outcome = run(tmp_path / "out", baselines=names, shots=[1], budget=64)
    assert not outcome.failed
    assert len({record.training.key for record in outcome.records}) == 1
    assert len(list((tmp_path / "out" / "trainings").iterdir())) == 1
    marked = outcome.table.set_index("baseline")["transductive"]
    assert set(marked.index) == {
        "resnet",
        "resnet+centred",
        "resnet+easyfsl:SimpleShot",
        "resnet+easyfsl:BD_CSPN",
    }
    assert marked[marked].index.tolist() == ["resnet+easyfsl:BD_CSPN"]
    assert set(outcome.table["rule"]) == {
        "mean_cosine", "centred", "easyfsl:SimpleShot", "easyfsl:BD_CSPN",
    }  # fmt: skip
