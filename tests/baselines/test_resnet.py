"""ResNet: its closed-set head, and an encoder that stays frozen."""

import pytest
import torch

from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn import TrainedBaseline
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits
from tests.helpers.training import CPU, Trained, fitted, images, made

BY_HEART = {
    "encoder": "resnet18",
    "image_size": 32,
    "passes": 1_000,
    "batch_size": 20,
    "augment": False,
}


def test_it_learns_twenty_pictures_by_heart_with_all_its_weights():
    baseline = made("resnet", **BY_HEART | {"passes": 20})
    assert isinstance(baseline, TrainedBaseline)
    assert_gradient_reaches_all(baseline)
    learned = type(baseline).settings_type(**BY_HEART)
    assert_overfits(type(baseline), learned)


def test_weights_out_of_reach_and_trainings_without_effect_are_seen():
    baseline = made("resnet", **BY_HEART | {"passes": 20, "freeze": True})
    assert isinstance(baseline, TrainedBaseline)
    with pytest.raises(AssertionError, match=r"encoder.backbone.bn1.bias"):
        assert_gradient_reaches_all(baseline)
    too_short = type(baseline).settings_type(**BY_HEART | {"passes": 40})
    with pytest.raises(AssertionError, match=r"the loss went from|pictures were not learned"):
        assert_overfits(type(baseline), too_short)


def test_resnet_has_a_closed_set_head_that_knows_its_classes(blobs: LabelledImages):
    train = blobs.subset(blobs.class_names[:3])
    baseline, _ = fitted("resnet", train, passes=960, encoder="resnet18")
    logits = baseline.logits(torch.from_numpy(train.images))
    assert logits.shape == (60, 3)
    assert (logits.argmax(1).numpy() == train.labels).mean() > 0.9


def test_a_frozen_encoder_stays_as_it_was_made_and_its_head_learns(
    blobs: LabelledImages, trained: Trained
):
    train = blobs.subset(blobs.class_names[:3])
    frozen, _ = fitted("resnet", train, freeze=True)
    untrained, _ = trained("untrained")
    assert torch.equal(frozen.embed(images(blobs)), untrained.embed(images(blobs)))
    other, _ = fitted("resnet", train, freeze=True, passes=32)
    assert not torch.equal(frozen.state()["classifier.weight"], other.state()["classifier.weight"])
    with pytest.raises(
        UserError, match="freeze=true leaves it nothing to train; leave --freeze out"
    ):
        fitted("protonet", train, freeze=True)


def test_load_gives_back_what_was_frozen(blobs: LabelledImages):
    baseline, _ = fitted("resnet", blobs.subset(blobs.class_names[:3]), freeze=True)
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    assert torch.equal(baseline.embed(images(blobs)), copy.embed(images(blobs)))
