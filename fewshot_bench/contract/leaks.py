"""Leaks are found by the benchmark, not left to trust: what a baseline may not do as it answers.

It never gets the labels of queries. Images and queries come in random order, so that their
positions carry no information. The rest is checked here: an inductive baseline answers one image as
it answers many, and answering changes nothing.
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
from fewshot_bench.rule import Rule

__all__ = [
    "ROUNDING",
    "TOLERANCE",
    "Leak",
    "assert_inductive",
    "assert_untouched",
    "depends_on_the_batch",
    "largest_difference",
]

TOLERANCE = 1e-4  # of the largest value, in float32
# share of the largest value by which equal scores may differ: the rounding of float32
ROUNDING = 32 * torch.finfo(torch.float32).eps
ALONE = 3  # images or queries that are answered alone
NUMBER_KINDS = "biuf"  # numpy's letters for kinds of numbers: bool, int, unsigned, float


Array = Tensor | np.ndarray[Any, Any]
Owner = Baseline | Rule  # who answers


class Leak(Exception):
    """A baseline or rule used or changed what it must not; the text says what."""


def largest_difference(first: Tensor, second: Tensor, *, of_scores: bool = True) -> float:
    """The largest difference between two answers, as a share of the largest value.

    Each row is one query or image. of_scores: the rows are scores of the ways. What all ways of a
    query share decides nothing and may be large enough to hide a difference: it is subtracted.
    Infinite where only one of the answers has a finite number in some place.
    """
    if not torch.equal(first.isfinite(), second.isfinite()):
        return math.inf
    # numbers that are not finite in both are a divergence, which is reported elsewhere
    first = first.nan_to_num(0.0, 0.0, 0.0)
    second = second.nan_to_num(0.0, 0.0, 0.0)
    rounding = 0.0
    if of_scores:
        rounding = ROUNDING * float(first.abs().max())
        first = first - first.mean(1, keepdim=True)
        second = second - second.mean(1, keepdim=True)
    largest_value = float(first.abs().max()) or 1.0
    difference = float((first - second).abs().max()) - rounding
    return max(0.0, difference) / largest_value


@torch.no_grad()
def depends_on_the_batch(
    answer: Callable[[Tensor], Tensor], inputs: Tensor, together: Tensor, *, of_scores: bool = True
) -> bool:
    """Whether some inputs are answered otherwise alone than together.

    together: the answers to all `inputs`, a row each. Three of the inputs are answered alone.
    """
    count = min(ALONE, len(inputs))
    indices = torch.linspace(0, len(inputs) - 1, count).long()
    answers = together.clone()
    for index in indices.tolist():
        answers[index] = answer(inputs[index : index + 1])[0]
    return largest_difference(together, answers, of_scores=of_scores) > TOLERANCE


def assert_inductive(
    owner: Owner,
    answer: Callable[[Tensor], Tensor],
    inputs: Tensor,
    together: Tensor,
    *,
    of_scores: bool = True,
) -> None:
    """Raise `Leak` where an answer depends on its batch and the card does not say so.

    owner: the baseline or rule that answers; together: the answers to all `inputs`; of_scores: as
    `depends_on_the_batch` takes it.
    """
    if owner.card.transductive:
        return
    if depends_on_the_batch(answer, inputs, together, of_scores=of_scores):
        raise Leak(
            "its answer to an image depends on the others it came with, though its card says "
            "transductive=False; answer each alone, or say transductive=True"
        )


@contextlib.contextmanager
def assert_untouched(owner: Owner, *inputs: Tensor) -> Iterator[None]:
    """Raise `Leak` where the block changes the owner, its modules, or the `inputs` it is given.

    owner: a baseline or rule.

    An attribute that the baseline makes within the block is allowed: its value may be a cache.
    """
    modules = _modules_of(owner)
    learned_before = _copies(_learned_tensors(owner, modules))
    others_before = _copies(_arrays_of(owner))
    inputs_before = [tensor.clone() for tensor in inputs]
    yield
    for name, module in modules.items():
        if any(part.training for part in module.modules()):
            raise Leak(
                f"its {name} is in training mode while it answers; call eval() at the end of fit"
            )
    learned_now = _learned_tensors(owner, modules)
    others_now = _arrays_of(owner)
    for name in others_now.keys() - others_before.keys():
        del others_now[name]
    changed = _changed(learned_before, learned_now) or _changed(others_before, others_now)
    if changed:
        raise Leak(f"answering changed its {changed}; what it learns must be learned in fit")
    for before, after in zip(inputs_before, inputs, strict=True):
        if not torch.equal(before, after):
            raise Leak("it changed the images or features it was handed; work on a copy")


def _modules_of(owner: Owner) -> dict[str, nn.Module]:
    modules: dict[str, nn.Module] = {}
    if isinstance(owner, Baseline) and owner.network is not None:
        modules["network"] = owner.network
    # a method keeps its modules under names of its own: only its attributes tell
    for name, value in vars(owner).items():
        if isinstance(value, nn.Module):
            modules[name] = value
    return modules


def _learned_tensors(owner: Owner, modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """All tensors of its state, and all that its modules hold, saved or not."""
    tensors: dict[str, Tensor] = {}
    state = owner.state() if isinstance(owner, Baseline) else {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            tensors[name] = value
    for module_name, module in modules.items():
        for name, parameter in module.named_parameters():
            tensors[f"{module_name}.{name}"] = parameter
        for name, buffer in module.named_buffers():
            tensors[f"{module_name}.{name}"] = buffer
    return tensors


def _arrays_of(owner: Owner) -> dict[str, Array]:
    """The tensors and arrays of numbers among its attributes, by name."""
    arrays: dict[str, Array] = {}
    _collect_arrays(vars(owner), "", arrays)
    return arrays


def _collect_arrays(values: Mapping[Any, Any], prefix: str, arrays: dict[str, Array]) -> None:
    """Add to `arrays` what `values` holds, and what mappings, lists and tuples in there hold."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            _collect_arrays(value, f"{name}.", arrays)
        elif isinstance(value, (list, tuple)):
            _collect_arrays(dict(enumerate(value)), f"{name}.", arrays)
        elif isinstance(value, np.ndarray):
            if value.dtype.kind in NUMBER_KINDS:
                arrays[name] = value
        elif isinstance(value, Tensor):
            arrays[name] = value


def _copies(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    copies: dict[str, Tensor] = {}
    for name, array in arrays.items():
        copies[name] = torch.as_tensor(array).clone()
    return copies


def _changed(before: Mapping[str, Tensor], now: Mapping[str, Array]) -> str:
    """The name of the first value that is not as it was before; empty if there is none.

    Bytes are compared, all of a device in one piece: each comparison waits for the device.
    """
    names_of_device: dict[torch.device, list[str]] = {}
    tensors = {name: torch.as_tensor(array) for name, array in now.items()}
    for name, tensor in tensors.items():
        if name not in before or _kind(before[name]) != _kind(tensor):
            return name
        names_of_device.setdefault(tensor.device, []).append(name)
    for names in names_of_device.values():
        bytes_before = torch.cat([_bytes(before[name]) for name in names])
        bytes_now = torch.cat([_bytes(tensors[name]) for name in names])
        if torch.equal(bytes_before, bytes_now):
            continue
        for name in names:
            if not torch.equal(_bytes(before[name]), _bytes(tensors[name])):
                return name
    return ""


def _kind(tensor: Tensor) -> tuple[object, ...]:
    return (tensor.shape, tensor.dtype, tensor.device)


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1).view(torch.uint8)
