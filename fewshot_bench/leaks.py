"""Leaks are caught by the harness, not by trust: what a baseline may not do while it answers.

Query labels are never handed over; images and queries come in random order, so that their place tells nothing either.
What is left is checked here: an inductive baseline answers one image as it answers many, and answering changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline

__all__ = ["TOLERANCE", "Leak", "depends_on_the_batch", "untouched"]

TOLERANCE = 1e-4  # of the largest value, in float32
ALONE = 3  # images or queries that are asked about alone


class Leak(Exception):
    """A baseline used what it must not see, or changed what it must not touch; the text says what."""


@torch.no_grad()
def depends_on_the_batch(answer: Callable[[Tensor], Tensor], inputs: Tensor, together: Tensor) -> bool:
    """Whether rows of `together`, the answers to all `inputs`, differ from the answers to those inputs alone."""
    places = torch.linspace(0, len(inputs) - 1, min(ALONE, len(inputs))).long().tolist()
    scale = float(together.abs().max()) or 1.0
    return any(
        float((answer(inputs[place : place + 1])[0] - together[place]).abs().max()) > TOLERANCE * scale for place in places
    )


@contextlib.contextmanager
def untouched(baseline: Baseline, inputs: Tensor) -> Iterator[None]:
    """Raise `Leak` where the block changes the baseline's state or modules, or the images handed to it."""
    modules = _modules(baseline)
    before = {name: tensor.clone() for name, tensor in _tensors(baseline, modules).items()}
    given = inputs.clone()
    yield
    training = [name for name, module in modules.items() if any(part.training for part in module.modules())]
    if training:
        raise Leak(f"its {training[0]} is in training mode while it answers; call eval() at the end of fit")
    changed = [name for name, tensor in _tensors(baseline, modules).items() if not _same(before.get(name), tensor)]
    if changed:
        raise Leak(f"answering changed its {changed[0]}; what it learns must be learned in fit")
    if not torch.equal(given, inputs):
        raise Leak("it changed the images it was handed; work on a copy")


def _modules(baseline: Baseline) -> dict[str, nn.Module]:
    own = {name: value for name, value in vars(baseline).items() if isinstance(value, nn.Module)}
    return own if baseline.network is None else {"network": baseline.network, **own}


def _tensors(baseline: Baseline, modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    own = {f"{name}.{key}": tensor for name, module in modules.items() for key, tensor in module.state_dict().items()}
    return {**baseline.state(), **own}


def _same(before: Tensor | None, after: Tensor) -> bool:
    return before is not None and torch.equal(torch.nan_to_num(before), torch.nan_to_num(after))
