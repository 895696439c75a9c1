"""The baselines themselves: they learn, they can be stored, and their answers are those of their papers' rules."""

from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.baseline import Context
from fewshot_bench.contract.answering import episode_rule
from fewshot_bench.contract.leaks import assert_untouched, depends_on_the_batch
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Registry, usable
from fewshot_bench.request import Request
from tests.helpers.training import CPU, Trained, fitted, images

TRAINED = ("scl_amp", "siamese", "protonet", "resnet")
EPISODIC = ("matching", "relation")
ENCODERS = (
    *EPISODIC,
    "baseline_pp",
    "casi_net",
    "dc_net",
    "focal",
    "multi_training",
    "supcon",
    "scl",
    "amp",
)
BUDGET = 4_000  # images passed; enough to learn something, and a sixth of the preset's
RULES = {
    "amp": "mean_cosine",
    "baseline_pp": "classify",
    "casi_net": "mean_cosine",
    "dc_net": "mean_cosine",
    "focal": "mean_cosine",
    "lbp": "mean_cosine",
    "matching": "pair",
    "multi_training": "mean_cosine",
    "pixels": "mean_cosine",
    "protonet": "prototype",
    "relation": "classify",
    "repvgg_sa": "unit_mean",
    "resnet": "mean_cosine",
    "scl": "mean_cosine",
    "scl_amp": "mean_cosine",
    "siamese": "pair",
    "siamese_deshpande": "pair",
    "supcon": "mean_cosine",
    "untrained": "mean_cosine",
    "wscn": "mean_cosine",
}


def test_rules():
    rules = {}
    for plugin, baseline_class in usable(Registry().every_baseline()):
        if baseline_class.stands_for is None:
            rules[plugin.name] = episode_rule(baseline_class)
    assert rules == rules | RULES


@pytest.mark.parametrize("name", TRAINED)
def test_training_spends_its_budget_and_is_reproducible(
    blobs: LabelledImages, trained: Trained, name: str
):
    train = blobs.subset(blobs.class_names[:3])
    baseline, history = trained(name)
    again, same_history = fitted(name, train)
    other, _ = fitted(name, train, seed=1)
    views = type(baseline).views
    assert 96 <= history[-1][0] < 96 + 64 * views
    assert history == same_history
    assert torch.equal(baseline.embed(images(blobs)), again.embed(images(blobs)))
    assert not torch.equal(baseline.embed(images(blobs)), other.embed(images(blobs)))


@pytest.mark.parametrize("name", [*TRAINED, "untrained", "pixels"])
def test_state_and_load_give_the_same_answers(blobs: LabelledImages, trained: Trained, name: str):
    baseline, _ = trained(name)
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    assert torch.equal(baseline.embed(images(blobs)), copy.embed(images(blobs)))


@pytest.mark.parametrize("name", [*TRAINED, "untrained", "pixels"])
def test_embedding_leaves_the_network_as_it_was_and_does_not_depend_on_the_batch(
    blobs: LabelledImages, trained: Trained, name: str
):
    baseline, _ = trained(name)
    before = {key: value.clone() for key, value in baseline.state().items()}
    together = baseline.embed(images(blobs))
    alone = torch.cat([baseline.embed(image[None]) for image in images(blobs)])
    assert together.dtype == torch.float32
    assert torch.allclose(together, alone, atol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in baseline.state().items())


@pytest.mark.parametrize("name", TRAINED)
def test_grey_and_colour_images_enter_alike(blobs: LabelledImages, trained: Trained, name: str):
    baseline, _ = trained(name)
    colour = images(blobs).expand(-1, 3, -1, -1)
    assert torch.allclose(baseline.embed(images(blobs)), baseline.embed(colour), atol=1e-4)


@pytest.mark.slow
def test_training_pays(tmp_path: Path):
    """Features beat those of the untrained encoder. A pair head starts at random, so that Siamese must beat chance."""
    request = Request(
        shots=[1],
        baselines=[*TRAINED, "untrained"],
        budget=BUDGET,
        preset="scratch",
        settings={"steel-sim.version": "1"},  # version 2 is too hard to learn from nothing so soon
        device="cpu",
    )
    accuracy = api.run(request, tmp_path).table.set_index("baseline")["accuracy"]
    print(accuracy)
    features = [name for name in TRAINED if name != "siamese"]
    assert (accuracy[features] > accuracy["untrained"]).all()
    assert accuracy["siamese"] > 1 / 3 + 0.04


@pytest.mark.parametrize("name", ENCODERS)
def test_training_is_reproducible_and_can_be_stored(
    blobs: LabelledImages, trained: Trained, name: str
):
    (baseline, history), (again, same_history) = (
        trained(name),
        fitted(name, blobs.subset(blobs.class_names[:3])),
    )
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    features = baseline.embed(images(blobs)).detach()
    assert 96 <= history[-1][0] < 96 + 64 * baseline.views
    assert history == same_history
    assert torch.equal(features, again.embed(images(blobs)))
    assert torch.equal(features, copy.embed(images(blobs)))
    assert not torch.equal(features, trained("untrained")[0].embed(images(blobs)))


@pytest.mark.parametrize("name", [*ENCODERS, "lbp"])
def test_answering_does_not_depend_on_the_batch_and_leaves_no_trace(
    blobs: LabelledImages, trained: Trained, name: str
):
    baseline, _ = trained(name)
    asked = images(blobs)
    with torch.no_grad():  # as the harness does
        with assert_untouched(baseline, asked):
            features = baseline.embed(asked)
        assert features.dtype == torch.float32
        assert not depends_on_the_batch(baseline.embed, asked, features)
        if episode_rule(type(baseline)) == "classify":
            support, queries = features[:6].view(3, 2, -1), features[6:]
            with assert_untouched(baseline, queries):
                scores = baseline.classify(support, queries)
            assert scores.shape == (len(queries), 3)
            assert not depends_on_the_batch(
                lambda alone: baseline.classify(support, alone), queries, scores
            )


@pytest.mark.parametrize("name", EPISODIC)
def test_episodic_training_refuses_episodes_larger_than_a_class(blobs: LabelledImages, name: str):
    with pytest.raises(UserError, match=r"26 is more than the 20 images"):
        fitted(name, blobs, train_shots=21)
