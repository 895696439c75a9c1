"""Leaks are caught by the harness, not by trust: what a baseline may not do while it answers.

Query labels are never handed over; images and queries come in random order, so that their place tells nothing either.
What is left is checked here: an inductive baseline answers one image as it answers many, and answering changes nothing.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline

__all__ = ["TOLERANCE", "Leak", "apart", "assert_untouched", "depends_on_the_batch"]

TOLERANCE = 1e-4  # of the largest value, in float32
ROUNDING = (
    32 * torch.finfo(torch.float32).eps
)  # of the largest value, that scores may differ by for all that they agree
ALONE = 3  # images or queries that are asked about alone


class Leak(Exception):
    """A baseline used what it must not see, or changed what it must not touch; the text says what."""


def apart(first: Tensor, second: Tensor, *, of_scores: bool = True) -> float:
    """The largest difference of two answers (rows of one query or image each), as a share of the largest value.

    of_scores: what all ways of a query share is no answer, and may be so large that it hides one: it is taken off.
    """
    if not torch.equal(first.isfinite(), second.isfinite()):
        return math.inf
    first, second = (
        values.nan_to_num(0.0, 0.0, 0.0) for values in (first, second)
    )  # where both are none: others tell
    rounding = ROUNDING * float(first.abs().max()) if of_scores else 0.0
    if of_scores:
        first, second = (scores - scores.mean(1, keepdim=True) for scores in (first, second))
    largest = float(first.abs().max()) or 1.0
    return max(0.0, float((first - second).abs().max()) - rounding) / largest


@torch.no_grad()
def depends_on_the_batch(
    answer: Callable[[Tensor], Tensor], inputs: Tensor, together: Tensor, *, of_scores: bool = True
) -> bool:
    """Whether rows of `together`, the answers to all `inputs`, differ from the answers to those inputs alone."""
    places = torch.linspace(0, len(inputs) - 1, min(ALONE, len(inputs))).long()
    found = together.clone()
    for place in places.tolist():
        found[place] = answer(inputs[place : place + 1])[0]
    return apart(together, found, of_scores=of_scores) > TOLERANCE


@contextlib.contextmanager
def assert_untouched(baseline: Baseline, *inputs: Tensor) -> Iterator[None]:
    """Raise `Leak` where the block changes the baseline, its modules, or the images or features handed to it."""
    modules = _modules(baseline)
    before = {name: tensor.clone() for name, tensor in _tensors(baseline, modules).items()}
    held = {name: torch.as_tensor(value).clone() for name, value in _held(vars(baseline))}
    given = [part.clone() for part in inputs]
    yield
    training = [
        name for name, module in modules.items() if any(part.training for part in module.modules())
    ]
    if training:
        raise Leak(
            f"its {training[0]} is in training mode while it answers; call eval() at the end of fit"
        )
    changed = [
        name
        for name, tensor in _tensors(baseline, modules).items()
        if not _same(before.get(name), tensor)
    ]
    now = {name: torch.as_tensor(value) for name, value in _held(vars(baseline)) if name in held}
    changed += [name for name, value in now.items() if not _same(held[name], value)]
    if changed:
        raise Leak(f"answering changed its {changed[0]}; what it learns must be learned in fit")
    if not all(torch.equal(first, second) for first, second in zip(given, inputs, strict=True)):
        raise Leak("it changed the images or features it was handed; work on a copy")


def _modules(baseline: Baseline) -> dict[str, nn.Module]:
    own = {name: value for name, value in vars(baseline).items() if isinstance(value, nn.Module)}
    return own if baseline.network is None else {"network": baseline.network, **own}


def _tensors(baseline: Baseline, modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """All that it says it learned, and all that its modules hold, saved or not."""
    own = {
        f"{name}.{key}": tensor
        for name, module in modules.items()
        for key, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    stated = {name: value for name, value in baseline.state().items() if isinstance(value, Tensor)}
    return {**stated, **own}


def _held(values: Mapping[Any, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Tensors and arrays of numbers beside its modules; one that is made when it is first asked is not there before."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _held(value, f"{at}{name}.")
        elif isinstance(value, (list, tuple)):
            yield from _held(dict(enumerate(value)), f"{at}{name}.")
        elif isinstance(value, Tensor) or (
            isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
        ):
            yield f"{at}{name}", value


def _same(before: Tensor | None, after: Tensor) -> bool:
    return before is not None and torch.equal(torch.nan_to_num(before), torch.nan_to_num(after))
