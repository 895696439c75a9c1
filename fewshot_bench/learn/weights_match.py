"""Weights of a file are put into a network: names are matched, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fewshot_bench.errors import UserError

__all__ = ["load_matched"]

# what trainings write before the names of a network's layers
MOMENTUM = "encoder_q."  # of MoCo, for the encoder that learns
PREFIXES = ("module.", "backbone.", "model.", "encoder.", MOMENTUM)
HEADS = ("head", "fc", "classifier")  # beside a backbone
BESIDE_MOMENTUM = ("encoder_k", "queue", "queue_ptr")  # MoCo's other encoder and its keys
LONGEST_CHAIN = 4  # prefixes before one name
COUNTER = "num_batches_tracked"  # of batch normalisation; older files lack it
MOST_NAMED = 3  # names in one message; of more, the number is given
LONGEST_NAME = 60


@dataclass(frozen=True)
class _Matched:
    """inside: tensors under the network's names; beside: names of the others in the file."""

    inside: Mapping[str, Tensor]
    beside: list[str]


def load_matched(
    module: nn.Module, tensors: Mapping[str, Tensor], *, removed: Iterable[str], names: str
) -> None:
    """Load the tensors of a file into a network without its last layer.

    Prefixes of trainings are taken off. The last layer may be missing, or of another size.

    removed: paths of layers that the network had; names: file and encoder, for messages. Raises
    `UserError` if a tensor is missing, unknown, of another shape or not finite.
    """
    wanted = module.state_dict()
    matched = _matched(tensors, wanted, removed)
    missing = []
    for name in wanted:
        if name not in matched.inside and not name.endswith(COUNTER):
            missing.append(name)
    unknown = list(matched.beside)
    other_shape = []
    for name, tensor in matched.inside.items():
        if name not in wanted:
            unknown.append(name)
        elif tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)}, not {tuple(wanted[name].shape)}"
            other_shape.append(f"{name} {shapes}")
    problems = []
    faults = {"missing": missing, "too many": unknown, "of another shape": other_shape}
    for fault, found in faults.items():
        if found:
            problems.append(f"{fault}: {_listed(found)}")
    if problems:
        text = "; ".join(problems)
        raise UserError(f"{names} do not fit ({text}); name the encoder they are of (--encoder)")
    for name, tensor in matched.inside.items():
        if wanted[name].is_floating_point() and not tensor.is_floating_point():
            raise UserError(f"{names}: {name} has values of type {tensor.dtype}; take another file")
        if not torch.isfinite(tensor.float()).all():
            raise UserError(f"{names}: {name} has values that are not finite; take another file")
    module.load_state_dict(matched.inside, strict=False)


def _matched(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], removed: Iterable[str]
) -> _Matched:
    """The tensors under the prefix that fits most names of the network, without its last layer."""
    best: tuple[str, ...] = ()
    most = 0
    for prefix in _prefixes(tensors):
        start = "".join(prefix)
        fitting = sum(start + name in tensors for name in wanted)
        if fitting > most:
            best = prefix
            most = fitting
    last_layers = tuple(f"{path}." for path in removed)
    start = "".join(best)
    inside = {}
    beside = []
    for name, tensor in tensors.items():
        rest = name.removeprefix(start)
        if not name.startswith(start):
            if not _is_known_beside(name, best):
                beside.append(name)
        elif not rest.startswith(last_layers):
            inside[rest] = tensor
    return _Matched(inside, beside)


def _prefixes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """All chains of known prefixes that names start with, the shortest first."""
    chains: set[tuple[str, ...]] = {()}
    for name in names:
        chain: tuple[str, ...] = ()
        rest = name
        while len(chain) < LONGEST_CHAIN and rest.startswith(PREFIXES):
            prefix = next(prefix for prefix in PREFIXES if rest.startswith(prefix))
            chain = (*chain, prefix)
            rest = rest.removeprefix(prefix)
            chains.add(chain)
    return sorted(chains, key=lambda chain: (len(chain), chain))


def _is_known_beside(name: str, prefix: tuple[str, ...]) -> bool:
    """Whether a name outside the prefix is of a head, or of what MoCo keeps beside its encoder."""
    if not prefix:
        return False
    around = "".join(prefix[:-1])
    first = name.removeprefix(around).partition(".")[0]
    is_of_momentum = prefix[-1] == MOMENTUM and first in BESIDE_MOMENTUM
    return first in HEADS or is_of_momentum


def _listed(names: list[str]) -> str:
    """The first names; those of a file may be long or hold anything."""
    shown = [ascii(name[:LONGEST_NAME])[1:-1] for name in names[:MOST_NAMED]]
    text = ", ".join(shown)
    more = len(names) - len(shown)
    return f"{text} and {more} more" if more else text
