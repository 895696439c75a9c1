"""The proposed method, and its two losses alone."""

import pytest
import torch

from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from tests.helpers.training import CPU, Trained, fitted, images, made

ONE_STEP = 32  # images passed: what a setting changes is seen in the first loss


def test_scl_amp_settings_reach_what_they_name(blobs: LabelledImages, trained: Trained):
    train = blobs.subset(blobs.class_names[:3])
    feature, _ = trained("scl_amp")
    embedding, _ = fitted("scl_amp", train, passes=ONE_STEP, reference_vector="embedding")
    assert feature.embed(images(blobs)).shape[1] == feature.parts["encoder"].features
    assert embedding.embed(images(blobs)).shape[1] == 128
    linear, _ = fitted("scl_amp", train, passes=ONE_STEP, hidden_layers=0)
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
        _, history = fitted("scl_amp", train, passes=ONE_STEP, **changed)
        _, first_loss = history[0]
        losses[str(changed)] = first_loss
    assert len(set(losses.values())) == len(losses)


def test_scl_and_amp_are_the_terms_of_scl_amp(blobs: LabelledImages, trained: Trained):
    both, _ = trained("scl_amp")
    labels = torch.arange(30) // 10

    def loss(name: str, **settings: float) -> float:
        """With the same weights, in evaluation mode, where a batch of other views changes no normalisation."""
        baseline = made(name, encoder=both.settings.encoder, image_size=32, **settings)
        baseline.load(both.state(), context=Context(CPU, 0, lambda passed, loss: None))
        return float(
            baseline.loss(images(blobs), labels, torch.Generator().manual_seed(0)).detach()
        )

    assert loss("scl") == pytest.approx(loss("scl_amp", alpha=1.0, beta=0.0))
    assert loss("amp") == pytest.approx(loss("scl_amp", alpha=0.0, beta=1.0), rel=1e-5)
    total = loss("scl_amp", alpha=0.75, beta=0.25)
    assert total == pytest.approx(0.75 * loss("scl") + 0.25 * loss("amp"), rel=1e-5)
    assert abs(loss("scl") - loss("amp")) > 0.1


@pytest.mark.parametrize(("name", "setting"), [("scl", "beta"), ("amp", "alpha")])
def test_one_loss_alone_takes_no_weight_of_the_other(name: str, setting: str):
    with pytest.raises(
        UserError, match=rf"{setting}=0.5 is out of bounds .allowed: 0; scl_amp has both"
    ):
        made(name, **{setting: 0.5})


def test_scl_uses_no_label_and_amp_no_view(blobs: LabelledImages, trained: Trained):
    relabelled = blobs.subset(blobs.class_names[:3])
    scl, amp = trained("scl")[0], trained("amp")[0]
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    labels = torch.from_numpy(relabelled.labels[::2])
    amp.loss(images(blobs), labels, generator)
    assert torch.equal(before, generator.get_state())
    first = scl.loss(images(blobs), labels, torch.Generator().manual_seed(0))
    assert torch.equal(
        first, scl.loss(images(blobs), labels.flip(0), torch.Generator().manual_seed(0))
    )
