"""What a check expects of a baseline, and the error that says that something else came."""

from __future__ import annotations

import torch
from torch import Tensor

from fewshot_bench.contract.leaks import TOLERANCE, largest_difference

__all__ = ["ContractBroken", "expect", "expect_rows", "expect_same_scores"]


class ContractBroken(Exception):
    """A baseline does not keep to the contract; the text says what was expected, what came, why."""

    def __init__(self, expected: str, came: str, why: str) -> None:
        message = f"expected {expected}; came {came}. {why}"
        super().__init__(message)


def expect(condition: bool, expected: str, came: object, why: str) -> None:
    """Raise `ContractBroken` unless `condition`. why: a sentence, or what to do about it."""
    if not condition:
        raise ContractBroken(expected, str(came), why)


def expect_same_scores(
    first: Tensor, second: Tensor, expected: str, why: str, *, tolerance: float = TOLERANCE
) -> None:
    """Two answers differ by at most a share of the largest score; share 0: not by a bit."""
    first_shape = tuple(first.shape)
    second_shape = tuple(second.shape)
    came = f"{second_shape} in the place of {first_shape}"
    expect(first_shape == second_shape, expected, came, why)
    if tolerance:
        is_same = largest_difference(first, second) <= tolerance
    else:
        is_same = torch.equal(first, second)
    difference = float((first - second).abs().max())
    expect(is_same, expected, f"scores that differ by up to {difference:.1g}", why)


def expect_rows(name: str, rows: Tensor, count: int, width: int | None = None) -> None:
    """A method gives one row of finite floats for each of `count` images. width: of a row."""
    columns = f" of {width}" if width else ""
    expected = f"{name} as {count} rows{columns}, finite floats"
    shape = tuple(rows.shape)
    has_rows = len(shape) == 2 and shape[0] == count
    has_width = width is None or shape[-1:] == (width,)
    why = "Each row is an image: one too few shifts all answers behind it."
    expect(has_rows and has_width, expected, shape, why)
    why = "Means and distances are computed from them; call float()."
    expect(rows.is_floating_point(), expected, rows.dtype, why)
    lost = int((~torch.isfinite(rows)).sum())
    why = "A NaN is the score of no class."
    expect(lost == 0, expected, f"{lost} of {rows.numel()} not finite", why)
