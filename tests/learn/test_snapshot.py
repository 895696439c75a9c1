"""A resumed training is the uninterrupted one to the bit."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.registry.registry import Registry
from fewshot_bench.seeds import global_seed
from tests.helpers.training import CPU


class Stopped(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("name", ["scl_amp", "siamese", "protonet", "resnet", "anil"])
@pytest.mark.parametrize("after", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_resumed_training_is_the_unbroken_one_to_the_bit(
    blobs: LabelledImages, learn2learn: None, name: str, after: int
):
    kind, train = Registry().baseline(name).load(), blobs.subset(blobs.class_names[:3])
    passes = (12 + 4 * after) * 32  # steps enough after those that are kept, with four views too
    settings = kind.settings_type.given(
        name, {"image_size": 32, "passes": passes, "encoder": "mobilenet_v3_small"}
    )

    def fit(
        keep, resumed: Mapping[str, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], list[tuple[int, float]]]:
        history: list[tuple[int, float]] = []
        with global_seed(3):
            baseline = kind(settings)
            context = Context(
                CPU, 3, lambda passed, loss: history.append((passed, loss)), keep, resumed
            )
            baseline.fit(train, context=context)
        return dict(baseline.state()), history

    steps, kept = 0, {}

    def keep_and_stop(snapshot) -> None:
        nonlocal steps, kept
        steps += 1
        if steps == after:
            kept = {key: value.clone() for key, value in snapshot().items()}
        if steps == after + 2:
            raise Stopped

    whole, history = fit(lambda snapshot: None)
    with pytest.raises(Stopped):
        fit(keep_and_stop)
    resumed, rest = fit(lambda snapshot: None, kept)
    assert rest == history[-len(rest) :]
    assert 0 < len(rest) < len(history)
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
