"""Multi-training as we read it: the GAN's shapes and losses, what is agreed on, and the budget."""

import math
from collections.abc import Callable

import pytest
import torch
from fewshot_bench.plugins.baselines.multi_training import (
    Judge,
    Maker,
    MultiTraining,
    MultiTrainingSettings,
    _Training,
    agreed,
    judge_loss,
    maker_loss,
)
from torch import Tensor

from fewshot_bench.baseline import Context
from fewshot_bench.errors import UserError
from fewshot_bench.seeds import global_seed
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits, pictures
from tests.helpers.training import CPU, normal

SMALL = {"image_size": 32, "batch_size": 10, "augment": False}


def fit(unlabelled: Tensor | None, **settings: object) -> tuple[MultiTraining, list[int]]:
    """A baseline that learned the 20 pictures, and the passes that it told."""
    baseline = MultiTraining(MultiTrainingSettings(**{**SMALL, **settings}))  # type: ignore[arg-type]
    passes: list[int] = []
    context = Context(CPU, 0, lambda passed, loss: passes.append(passed), unlabelled=unlabelled)
    with global_seed(0):
        baseline.fit(pictures(), context=context)
    return baseline, passes


@pytest.mark.parametrize("channels", [1, 3])
def test_the_gan_has_the_shapes_of_dcgan_and_one_answer_more_than_classes(channels: int):
    maker = Maker(100, channels)
    judge = Judge(channels, classes=6)
    made = maker(normal(0, 2, 100))
    assert made.shape == (2, channels, 64, 64)
    assert made.abs().max() <= 1
    assert judge(made).shape == (2, 7)
    widths = [part.out_channels for part in maker.layers if hasattr(part, "out_channels")]
    assert widths == [512, 256, 128, 64, channels]
    widths = [part.out_channels for part in judge.layers if hasattr(part, "out_channels")]
    assert widths == [64, 128, 256, 512, 7]


def test_gradient_reaches_all_of_the_gan():
    maker = Maker(100, 1)
    judge = Judge(1, classes=6)
    made = maker(normal(0, 4, 100))
    real = judge(normal(1, 4, 1, 64, 64))
    judge_loss(real, torch.tensor([0, 1, 2, 3]), judge(made.detach())).backward()
    assert all(parameter.grad.any() for parameter in judge.parameters())
    assert all(parameter.grad is None for parameter in maker.parameters())
    maker_loss(judge(made)).backward()
    assert all(parameter.grad.any() for parameter in maker.parameters())


def test_losses_by_hand():
    # two classes and "generated": probabilities 1/2, 1/4, 1/4
    scores = torch.tensor([[math.log(2), 0.0, 0.0]])
    assert float(maker_loss(scores)) == pytest.approx(-math.log(3 / 4))
    loss = judge_loss(scores, torch.tensor([0]), scores)
    assert float(loss) == pytest.approx(-math.log(1 / 2) - math.log(1 / 4))


def test_what_both_agree_on_is_taken_and_of_each_class_the_surest():
    first = torch.tensor(
        [[0.95, 0.05], [0.99, 0.01], [0.92, 0.08], [0.05, 0.95], [0.08, 0.89], [0.95, 0.05]]
    )
    second = torch.tensor(
        [[0.95, 0.01], [0.97, 0.01], [0.05, 0.95], [0.01, 0.93], [0.01, 0.99], [0.91, 0.01]]
    )
    # 2: they disagree; 4: the first is not sure enough; 5: the class has two that are surer
    indices, labels = agreed(first, second, 0.9, torch.tensor([2, 2]))
    assert indices.tolist() == [1, 0, 3]
    assert labels.tolist() == [0, 0, 1]
    indices, labels = agreed(first, second, 0.999, torch.tensor([2, 2]))
    assert (len(indices), len(labels)) == (0, 0)


def test_it_learns_twenty_pictures_by_heart_with_all_its_weights():
    settings = MultiTrainingSettings(**SMALL, passes=10, gan_share=0.0)
    assert_gradient_reaches_all(MultiTraining(settings))
    assert_overfits(MultiTraining, MultiTrainingSettings(**SMALL, passes=1_000, gan_share=0.1))


def test_pictures_without_labels_are_added_with_the_label_that_both_give(
    monkeypatch: pytest.MonkeyPatch,
):
    """Two judges that know the pictures without labels, and doubt what is made."""
    data = pictures()
    images = torch.from_numpy(data.images)

    def knowing(self: object, candidates: Tensor) -> tuple[Tensor, Tensor]:
        del self
        probabilities = torch.full((len(candidates), 4), 0.25)
        probabilities[:20] = torch.eye(4)[torch.from_numpy(data.labels)]
        return probabilities, probabilities

    trained_on = []

    def watched(self: MultiTraining, batch: Tensor, labels: Tensor, views: object) -> Tensor:
        trained_on.append(len(batch))
        for image, label in zip(batch, labels.tolist(), strict=True):
            (index,) = (images.float() == image).flatten(1).all(1).nonzero().ravel().tolist()
            assert data.labels[index] == label
        return loss(self, batch, labels, views)  # type: ignore[arg-type]

    loss = MultiTraining.loss
    monkeypatch.setattr(_Training, "_probabilities", knowing)
    monkeypatch.setattr(MultiTraining, "loss", watched)
    # batches as large as the pool
    chosen = {"gan_share": 0.0, "batch_size": 40, "passes": 200, "rounds": 2}
    baseline, _ = fit(images, **chosen)
    assert baseline.added == [(20, 0), (20, 0)]
    assert trained_on[0] == 20
    assert trained_on[-1] == 40


def test_made_pictures_are_candidates_as_many_as_labelled_ones(monkeypatch: pytest.MonkeyPatch):
    candidates_of_round = []

    def sure(self: object, candidates: Tensor) -> tuple[Tensor, Tensor]:
        del self
        candidates_of_round.append(tuple(candidates.shape))
        probabilities = torch.eye(4)[torch.zeros(len(candidates), dtype=torch.long)]
        return probabilities, probabilities

    monkeypatch.setattr(_Training, "_probabilities", sure)
    baseline, _ = fit(None, gan_share=0.0, passes=80)
    assert candidates_of_round == [(20, 1, 64, 64)] * 3
    # of a class no more than are labelled
    assert baseline.added == [(0, 5)] * 3


def test_it_stays_within_its_budget_and_counts_what_passes(monkeypatch: pytest.MonkeyPatch):
    counts = {"network": 0, "judge": 0}

    def counting(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def counted(self: object, images: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                counts[name] += len(images)
            return forward(self, images)

        return counted

    monkeypatch.setattr(Judge, "forward", counting("judge", Judge.forward))
    monkeypatch.setattr(MultiTraining, "encode", counting("network", MultiTraining.encode))
    _, passes = fit(torch.from_numpy(pictures().images), passes=240)
    assert counts["judge"] == 120
    assert counts["network"] == 120
    assert passes[-1] == 240
    # and where not one step of the GAN fits in, it is left out
    _, passes = fit(None, passes=20)
    assert passes[-1] <= 30


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rounds", -1), ("agreement", 1.5), ("gan_share", 1.0), ("gan_learning_rate", 0.0)],
)
def test_settings_out_of_bounds_are_refused(setting: str, value: float):
    with pytest.raises(UserError, match=rf"{setting}={value} is out of bounds"):
        MultiTrainingSettings(**{setting: value})  # type: ignore[arg-type]
