"""The train and test classes of a few-shot protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError

__all__ = ["Sides", "both_sides", "check_ways", "settled_sides"]

Names = tuple[str, ...]


class Sides(NamedTuple):
    """Full names of train and test classes; are_own: whether they are those of the protocol."""

    train: Names
    test: Names
    are_own: bool


def settled_sides(
    data: LabelledImages,
    own: tuple[Names, Names],
    train: Sequence[str] | None,
    test: Sequence[str] | None,
) -> Sides:
    """The train and test classes of a protocol for `data`.

    own: the protocol's; train, test: class names; both None means the protocol's. If only one side
    is named, the other side is all other classes. Raises `UserError` as `both_sides`.
    """
    are_own = train is None and test is None
    if are_own:
        train, test = own
    sides = both_sides(data, train or (), test or ())
    own_train = own[0] or both_sides(data, (), sides[1])[0]
    return Sides(*sides, are_own=are_own or sides == (own_train, own[1]))


def both_sides(
    data: LabelledImages, train: Sequence[str], test: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Full names of train and test classes; a side without names is all other classes."""
    train_names = data.resolve(train, "train class")
    test_names = data.resolve(test, "test class")
    if not train_names and not test_names:
        raise UserError(
            f"{data.name} has no default split; name the held-out classes with --test-classes "
            f"(allowed: {', '.join(data.class_names)})"
        )
    for name in test_names:
        if name in train_names:
            raise UserError(
                f"class {name!r} is in both train and test classes; a held-out class must not be "
                "trained on"
            )
    if not train_names:
        train_names = _others(data, test_names)
    if not test_names:
        test_names = _others(data, train_names)
    return train_names, test_names


def check_ways(data: LabelledImages, ways: int) -> None:
    """Raise `UserError` if no choice of test classes leaves a class to train on."""
    classes = len(data.class_names)
    if classes > ways:
        return
    fewer = "ask for fewer --ways, or " if classes > 2 else ""
    raise UserError(
        f"ways={ways} needs {ways + 1} classes or more, as one at least is trained on, and "
        f"{data.name} has {classes}; {fewer}ask how well all of them are recognised from a few "
        "images of each: --train-per-class 5"
    )


def _others(data: LabelledImages, names: Sequence[str]) -> tuple[str, ...]:
    """All classes but those in `names`."""
    others = [name for name in data.class_names if name not in names]
    return tuple(others)
