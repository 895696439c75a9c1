"""The baselines themselves: they learn, they can be stored, and their answers are those of their papers' rules."""

from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.baseline import Context
from fewshot_bench.contract.answering import episode_rule
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn.encoder import best_precision, resize
from fewshot_bench.learn.train import balanced_batches, shuffled_batches
from fewshot_bench.registry.registry import Registry, usable
from fewshot_bench.request import Request
from tests.helpers.training import CPU, fitted, images

TRAINED = ("scl_amp", "siamese", "protonet", "resnet")


def test_capabilities():
    found = {
        plugin.name: episode_rule(kind) for plugin, kind in usable(Registry().every_baseline())
    }
    assert found == found | {
        "scl_amp": "mean_cosine",
        "resnet": "mean_cosine",
        "untrained": "mean_cosine",
        "pixels": "mean_cosine",
        "protonet": "prototype",
        "siamese": "pair",
    }


@pytest.mark.parametrize("name", TRAINED)
def test_training_spends_its_budget_and_is_reproducible(blobs: LabelledImages, name: str):
    train = blobs.subset(blobs.class_names[:3])
    baseline, history = fitted(name, train)
    again, same_history = fitted(name, train)
    other, _ = fitted(name, train, seed=1)
    views = type(baseline).views
    assert 96 <= history[-1][0] < 96 + 64 * views
    assert history == same_history
    assert torch.equal(baseline.embed(images(blobs)), again.embed(images(blobs)))
    assert not torch.equal(baseline.embed(images(blobs)), other.embed(images(blobs)))


@pytest.mark.parametrize("name", [*TRAINED, "untrained", "pixels"])
def test_state_and_load_give_the_same_answers(blobs: LabelledImages, name: str):
    baseline, _ = fitted(name, blobs.subset(blobs.class_names[:3]))
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    assert torch.equal(baseline.embed(images(blobs)), copy.embed(images(blobs)))


@pytest.mark.parametrize("name", [*TRAINED, "untrained", "pixels"])
def test_embedding_leaves_the_network_as_it_was_and_does_not_depend_on_the_batch(
    blobs: LabelledImages, name: str
):
    baseline, _ = fitted(name, blobs.subset(blobs.class_names[:3]))
    before = {key: value.clone() for key, value in baseline.state().items()}
    together = baseline.embed(images(blobs))
    alone = torch.cat([baseline.embed(image[None]) for image in images(blobs)])
    assert together.dtype == torch.float32
    assert torch.allclose(together, alone, atol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in baseline.state().items())


@pytest.mark.parametrize("name", TRAINED)
def test_grey_and_colour_images_enter_alike(blobs: LabelledImages, name: str):
    baseline, _ = fitted(name, blobs.subset(blobs.class_names[:3]), passes=32)
    colour = images(blobs).expand(-1, 3, -1, -1)
    assert torch.allclose(baseline.embed(images(blobs)), baseline.embed(colour), atol=1e-4)


def test_scl_amp_settings_reach_what_they_name(blobs: LabelledImages):
    train = blobs.subset(blobs.class_names[:3])
    feature, _ = fitted("scl_amp", train)
    embedding, _ = fitted("scl_amp", train, reference_vector="embedding")
    assert feature.embed(images(blobs)).shape[1] == 512
    assert embedding.embed(images(blobs)).shape[1] == 128
    linear, _ = fitted("scl_amp", train, hidden_layers=0)
    assert sum("projection" in key for key in linear.state()) == 2
    losses = {}
    for changed in (
        {},
        {"margin": 0.1},
        {"scale": 10.0},
        {"temperature": 0.1},
        {"alpha": 0.1},
        {"beta": 1.0},
        {"symmetric": True},
    ):
        losses[str(changed)] = fitted("scl_amp", train, **changed)[1][0][1]
    assert len(set(losses.values())) == len(losses)


def test_siamese_scores_pairs_by_a_weighted_distance_of_features(blobs: LabelledImages):
    baseline, _ = fitted("siamese", blobs.subset(blobs.class_names[:3]))
    features = baseline.embed(images(blobs))
    scores = baseline.pair(features[:4], features)
    state = baseline.state()
    expected = (
        state["same.bias"] - (features[2] - features[7]).abs() @ state["same.weight"][0].abs()
    ).sigmoid()
    assert scores.shape == (4, len(features))
    assert torch.allclose(scores[2, 7], expected[0], atol=1e-5)
    assert torch.allclose(scores[:, :4], scores[:, :4].T, atol=1e-5)


def test_resnet_has_a_closed_set_head_that_knows_its_classes(blobs: LabelledImages):
    train = blobs.subset(blobs.class_names[:3])
    baseline, _ = fitted("resnet", train, passes=1500)
    logits = baseline.logits(torch.from_numpy(train.images))
    assert logits.shape == (60, 3)
    assert (logits.argmax(1).numpy() == train.labels).mean() > 0.9


def test_protonet_refuses_episodes_larger_than_a_class(blobs: LabelledImages):
    with pytest.raises(UserError, match=r"26 is more than the 20 images"):
        fitted("protonet", blobs, train_shots=21)


def test_balanced_batches():
    labels = torch.arange(5).repeat_interleave(12)
    batches = balanced_batches(labels, 3, 4, torch.Generator().manual_seed(0))
    for _ in range(20):
        batch = next(batches)
        assert len(set(batch.tolist())) == 12
        assert (labels[batch].view(3, 4) == labels[batch][::4, None]).all()
        assert len(set(labels[batch][::4].tolist())) == 3


def test_shuffled_batches_take_every_image_once_an_epoch():
    batches = shuffled_batches(torch.zeros(20), 5, torch.Generator().manual_seed(0))
    for _ in range(3):
        assert sorted(torch.cat([next(batches) for _ in range(4)]).tolist()) == list(range(20))


def test_resizing_keeps_images_of_the_right_size_to_the_bit():
    batch = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    assert torch.equal(resize(batch, 32), batch.float())
    assert resize(batch, 16).shape == (2, 1, 16, 16)


def test_precision_is_one_of_two():
    assert best_precision(CPU) in ("bf16", "float32")


BUDGET = 4_000  # images passed; enough to learn something, and a sixth of the preset's


def test_training_pays(tmp_path: Path):
    """Features beat those of the untrained encoder. A pair head starts at random, so that Siamese must beat chance."""
    request = Request(shots=[1], baselines=[*TRAINED, "untrained"], budget=BUDGET, device="cpu")
    accuracy = api.run(request, tmp_path).table.set_index("baseline")["accuracy"]
    print(accuracy)
    features = [name for name in TRAINED if name != "siamese"]
    assert (accuracy[features] > accuracy["untrained"]).all()
    assert accuracy["siamese"] > 1 / 3 + 0.04
