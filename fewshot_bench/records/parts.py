"""Values of JSON as the fields of dataclasses, with their types checked."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Collection
from typing import Any, TypeVar, get_args

__all__ = ["Part", "check_type", "converted", "read_part"]

Json = dict[str, Any]
Part = TypeVar("Part")


def read_part(
    part_class: type[Part], name: str, values: object, relied_on: Collection[str]
) -> Part:
    """A part of a record from JSON. Fields that this version does not know are ignored.

    relied_on: the fields that must be right; the others describe, and are converted. Raises
    `TypeError` where a value is of another type, `ValueError` where it cannot be converted.
    """
    if not isinstance(values, dict):
        raise TypeError(f"{name} is {values!r}, not an object")
    hints = _hints(typing.cast(Any, part_class))
    known = {}
    for key, expected in hints.items():
        if key in values:
            field_name = f"{name}.{key}"
            if key in relied_on:
                check_type(field_name, values[key], expected)
                known[key] = values[key]
            else:
                known[key] = converted(field_name, values[key], expected)
    return part_class(**known)


@functools.cache
def _hints(part_class: Any) -> dict[str, Any]:
    return typing.get_type_hints(part_class)


def converted(name: str, value: object, expected: Any) -> Any:
    """`value` as the type `expected`; raises `TypeError` or `ValueError` where that cannot be."""
    origin = typing.get_origin(expected)
    if origin is tuple:
        return _converted_tuple(name, value, get_args(expected))
    if origin is dict:
        check_type(name, value, dict)
        _, value_type = get_args(expected)
        items = typing.cast(Json, value).items()
        return {key: converted(f"{name}.{key}", item, value_type) for key, item in items}
    if dataclasses.is_dataclass(expected):
        check_type(name, value, dict)
        return _converted_fields(name, typing.cast(Json, value), expected)
    if isinstance(expected, types.UnionType):
        return None if value is None else get_args(expected)[0](value)
    if value is None and expected is str:
        return ""
    return expected(value)


def _converted_fields(name: str, values: Json, part_class: Any) -> Any:
    hints = _hints(part_class)
    fields = {}
    for key, value in values.items():
        fields[key] = converted(f"{name}.{key}", value, hints[key])
    return part_class(**fields)


def _converted_tuple(name: str, value: object, item_types: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{name} is {value!r}, not a list")
    if item_types[-1] is ...:
        item_types = (item_types[0],) * len(value)
    pairs = zip(value, item_types, strict=True)
    return tuple(converted(f"an item of {name}", item, expected) for item, expected in pairs)


def check_type(name: str, value: object, expected: Any) -> None:
    """Raise `TypeError` where `value` is not of a plain type or a union of plain types."""
    if expected is Any:
        return
    is_union = isinstance(expected, types.UnionType)
    # of dict[str, Any] the type is dict
    allowed = get_args(expected) if is_union else (typing.get_origin(expected) or expected,)
    if float in allowed:
        allowed = (*allowed, int)
    # True is an int to Python, and no number here
    is_wrong_bool = isinstance(value, bool) and bool not in allowed
    if is_wrong_bool or not isinstance(value, allowed):
        names = " or ".join(item.__name__ for item in allowed)
        raise TypeError(f"{name} is {value!r}, not {names}")
