"""Methods on the features of `resnet`: SimpleShot, and easyfsl's classifiers behind our interface.

Shapes: N ways, K shots, Q queries, D features.
"""

from pathlib import Path

import pytest
import torch
from easyfsl import methods

from fewshot_bench.contract.answering import episode_rule, rule_of
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import NotApplicable
from fewshot_bench.registry.registry import Registry, usable
from tests.helpers.runs import run
from tests.helpers.training import fitted, images

VARIANTS = [
    plugin.name
    for plugin, _ in usable(Registry().every_baseline())
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


@pytest.mark.parametrize("name", VARIANTS)
def test_scores_are_easyfsls_and_the_card_tells_what_is_transductive(
    blobs: LabelledImages, name: str
):
    baseline, _ = fitted(name, blobs.subset(blobs.class_names[:3]), centre=True)
    kind = getattr(methods, CLASSES.get(name[8:], name[8:]))
    assert baseline.card.transductive == kind.is_transductive()
    assert episode_rule(type(baseline)) == "classify"
    assert rule_of(type(baseline), is_classification=True) == "classify"
    with torch.no_grad():  # as the harness does
        features, train = (
            baseline.embed(images(blobs)),
            baseline.embed(torch.from_numpy(blobs.images[:60])),
        )
    support, query, labels = (
        features[:6].view(3, 2, -1),
        features[6:],
        torch.arange(3).repeat_interleave(2),
    )
    classifier = kind(
        feature_centering=train.mean(0), feature_normalization=2.0, **OPTIONS.get(name[8:], {})
    )
    classifier.process_support_set(features[:6], labels)
    found, expected = baseline.classify(support, query), classifier(query).detach()
    assert found.shape == (len(query), 3)
    assert torch.allclose(found, expected, atol=1e-4)
    assert torch.equal(found, baseline.classify(support, query))


@pytest.mark.parametrize("name", ["LaplacianShot", "PTMAP"])
def test_too_few_queries_are_not_applicable(blobs: LabelledImages, name: str):
    """The first looks at three neighbours, the second shares out one query a way at least."""
    baseline, _ = fitted(f"easyfsl:{name}", blobs.subset(blobs.class_names[:3]))
    features = baseline.embed(images(blobs)).detach()
    with pytest.raises(NotApplicable, match="needs 3 queries of an episode together"):
        baseline.classify(features[:6].view(3, 2, -1), features[6:8])


def test_one_training_serves_them_all(tmp_path: Path):
    names = ["resnet", "simpleshot", "easyfsl:SimpleShot", "easyfsl:BD_CSPN"]
    outcome = run(tmp_path / "out", baselines=names, shots=[1], budget=64)
    assert not outcome.failed
    assert len({record.training.key for record in outcome.records}) == 1
    assert len(list((tmp_path / "out" / "trainings").iterdir())) == 1
    marked = outcome.table.set_index("baseline")["transductive"]
    assert marked[marked].index.tolist() == ["easyfsl:BD_CSPN"]
