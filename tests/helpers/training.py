"""Baselines fitted in this process, with a small budget."""

from collections.abc import Callable

import torch

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from fewshot_bench.registry.registry import Registry
from fewshot_bench.seeds import global_seed

CPU = torch.device("cpu")
SMALL = {"encoder": "shufflenet_v2_x0_5", "image_size": 32, "passes": 96}
History = list[tuple[int, float]]  # images passed, loss
Trained = Callable[[str], tuple[Baseline, History]]


def fitted(
    name: str, train: LabelledImages, seed: int = 0, **settings: object
) -> tuple[Baseline, History]:
    """A registered baseline after `fit`, by default with `SMALL`, and its losses."""
    baseline_class = Registry().baseline(name).load()
    settings_type = baseline_class.settings_type
    values = settings_type.applicable({**SMALL, **settings})
    baseline = baseline_class(settings_type.given(name, values))
    return baseline, fitted_baseline(baseline, train, seed)


def fitted_baseline(baseline: Baseline, train: LabelledImages, seed: int = 0) -> History:
    """Call `fit` as a run does; returns the losses."""
    history: History = []

    def on_progress(images_passed: int, loss: float) -> None:
        history.append((images_passed, loss))

    with global_seed(seed):
        baseline.fit(train, context=Context(CPU, seed, on_progress))
    return history


def made(name: str, **settings: object) -> Baseline:
    """A registered baseline before `fit`."""
    baseline_class = Registry().baseline(name).load()
    return baseline_class(baseline_class.settings_type(**settings))


def without_progress(seed: int = 0) -> Context:
    """What `fit` and `load` are handed where nobody looks at the progress."""
    return Context(CPU, seed, lambda images_passed, loss: None)


def images(data: LabelledImages, count: int = 30) -> torch.Tensor:
    """Images of every class, evenly spaced."""
    return torch.from_numpy(data.images[:: len(data) // count])


def normal(seed: int, *shape: int) -> torch.Tensor:
    """Numbers of a normal distribution."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encoder_of(name: str, image_size: int = 64, weights: str = "none") -> Encoder:
    """An encoder by name."""
    return Encoder(EncoderSettings(encoder=name, image_size=image_size, weights=weights))
