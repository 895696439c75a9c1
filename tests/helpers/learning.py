"""What every trained network must do: gradient reaches all its weights, and it overfits."""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.learn.train import TrainedBaseline
from fewshot_bench.settings import Settings
from tests.helpers.training import fitted_baseline

CLASSES = 4
PICTURES = 20


@functools.cache
def pictures(channels: int = 1, side: int = 64) -> LabelledImages:
    """20 pictures of random clouds in four classes that have nothing in common: only learned by heart."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(PICTURES, channels, 8, 8, generator=generator)
    fine = F.interpolate(coarse, (side, side), mode="bilinear")
    images = (255 * fine).byte().numpy()
    labels = [index % CLASSES for index in range(PICTURES)]
    names = [f"class{label}" for label in range(CLASSES)]
    files = [f"{index}.png" for index in range(PICTURES)]
    return group_by_class("clouds", images, labels, names, files)


def assert_gradient_reaches_all(
    baseline: TrainedBaseline, train: LabelledImages | None = None
) -> None:
    """`fit` brings a gradient that is not zero to each parameter of `baseline.parts`.

    The settings' budget must be enough for all its stages.
    """
    reached = set()
    parameters = {}
    build = baseline.build

    def note(name: str, parameter: Tensor) -> None:
        if parameter.grad is not None and parameter.grad.any():
            reached.add(name)

    def watched_build(*arguments: object, **options: object) -> None:
        build(*arguments, **options)  # type: ignore[arg-type]
        parameters.update(baseline.parts.named_parameters())
        for name, parameter in parameters.items():
            parameter.register_post_accumulate_grad_hook(functools.partial(note, name))

    baseline.build = watched_build  # type: ignore[method-assign]
    fitted_baseline(baseline, train or pictures())
    assert parameters
    unreached = sorted(set(parameters) - reached)
    assert not unreached, f"no gradient reaches {unreached}"


def assert_overfits(
    baseline_class: type[TrainedBaseline],
    settings: Settings,
    train: LabelledImages | None = None,
    *,
    loss_share: float = 0.5,
) -> TrainedBaseline:
    """Its loss falls to `loss_share` of the first or less, and its head, if any, knows all pictures.

    Returns the fitted baseline.
    """
    data = train or pictures()
    baseline = baseline_class(settings)
    history = fitted_baseline(baseline, data)
    losses = [loss for _, loss in history]
    last_loss = float(np.mean(losses[-3:]))
    assert last_loss <= loss_share * losses[0], f"the loss went from {losses[0]} to {last_loss}"
    images = torch.from_numpy(data.images)
    with torch.no_grad():
        try:
            scores = baseline.logits(images)
        except NotImplementedError:
            return baseline
    wrong = int((scores.argmax(1).numpy() != data.labels).sum())
    assert wrong == 0, f"{wrong} of {len(data)} pictures were not learned"
    return baseline
