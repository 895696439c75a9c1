"""Named settings: a frozen dataclass whose fields can be set from text and are recorded."""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping
from typing import Any, Self

from fewshot_bench.errors import UserError, unknown

__all__ = ["Settings"]

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# what text of a field must be, in the words of an error message
_READABLE = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a baseline or data set.

    Subclasses add fields of type int, float, str, bool or Literal. Creating settings checks the
    choices of `Literal` fields and calls `check`. Both raise `UserError`.
    """

    def __post_init__(self) -> None:
        types = self._types()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            choices = typing.get_args(types[field.name])
            if choices and value not in choices:
                raise unknown(field.name, str(value), map(str, choices))
        self.check()

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds. Cheap: it loads and builds nothing."""

    def need(self, condition: bool, name: str, allowed: str) -> None:
        """Raise `UserError` unless `condition` holds.

        Its message names setting `name`, the value and what is `allowed`.
        """
        if not condition:
            value = getattr(self, name)
            raise UserError(f"{name}={value} is out of bounds (allowed: {allowed})")

    def need_at_least(self, name: str, least: int) -> None:
        """Raise `UserError` unless setting `name` is finite and `least` or more."""
        value = getattr(self, name)
        is_allowed = least <= value < math.inf
        self.need(is_allowed, name, f"{least} or more")

    def need_positive(self, name: str) -> None:
        """Raise `UserError` unless setting `name` is finite and more than 0."""
        value = getattr(self, name)
        is_allowed = 0 < value < math.inf
        self.need(is_allowed, name, "more than 0")

    def resolved(self) -> Self:
        """These settings as a run records them, with values that stand for others replaced.

        Called once when a run is planned; it may load libraries and build a network. Raises
        `UserError` if a value names something that does not exist.
        """
        return self

    @classmethod
    @functools.cache  # annotations are text, and evaluating them is slow
    def _types(cls) -> dict[str, Any]:
        return typing.get_type_hints(cls)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the fields."""
        fields = dataclasses.fields(cls)
        return tuple(field.name for field in fields)

    @classmethod
    def given(cls, owner: str, values: Mapping[str, object]) -> Self:
        """The defaults, replaced by `values`. Text is read as the type of its field.

        owner: the baseline or data set, for messages. Raises `UserError` for an unknown name, text
        that is not of the field's type, and a value out of bounds.
        """
        types = cls._types()
        names = cls.names()
        fields: dict[str, Any] = {}
        for name, value in values.items():
            if name not in names:
                raise unknown(f"setting of {owner}", name, names)
            if isinstance(value, str):
                fields[name] = _read(f"{owner}.{name}", value, types[name])
            else:
                fields[name] = value
        return cls(**fields)

    @classmethod
    def applicable(cls, values: Mapping[str, object]) -> dict[str, object]:
        """The part of `values` whose names are fields here."""
        names = cls.names()
        return {name: value for name, value in values.items() if name in names}

    def as_dict(self) -> dict[str, Any]:
        """Field name -> value, JSON-serialisable."""
        return dataclasses.asdict(self)


def _read(name: str, text: str, field_type: Any) -> object:
    """`text` as a value of `field_type`; raises `UserError` if it is none.

    Text that is no choice of a `Literal` is returned: `Settings` names the choices.
    """
    try:
        if field_type is bool:
            return _BOOLEANS[text.casefold()]
        if field_type is int:
            return int(text)
        if field_type is float:
            return float(text)
        for choice in typing.get_args(field_type):
            if str(choice) == text:
                return choice
    except (KeyError, ValueError):
        allowed = _READABLE[field_type]
        raise UserError(f"{name}={text!r} cannot be read (allowed: {allowed})") from None
    for choice in typing.get_args(field_type):
        if str(choice) == text:
            return choice
    return text
