"""Named settings: a frozen dataclass whose fields can be overridden by text and are recorded."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any, Self

from fewshot_bench.errors import UserError, unknown

__all__ = ["Settings"]

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a baseline or data set; subclasses add fields of type int, float, str, bool or Literal.

    Bounds are checked by `check`, which `__post_init__` calls, and raise `UserError`.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), typing.get_args(self._types()[field.name])
            if choices and value not in choices:
                raise unknown(field.name, str(value), map(str, choices))
        self.check()

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""

    def need(self, condition: bool, name: str, allowed: str) -> None:
        """Raise the error that names setting `name`, its value and what is `allowed`, unless `condition`."""
        if not condition:
            raise UserError(f"{name}={getattr(self, name)} is out of bounds (allowed: {allowed})")

    @classmethod
    @functools.cache
    def _types(cls) -> dict[str, Any]:
        return typing.get_type_hints(cls)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def given(cls, owner: str, values: Mapping[str, object]) -> Self:
        """The settings with `values` in the place of defaults; text is read as the field's type.

        Raises `UserError` for an unknown name, text that is not of the field's type, or a value out of bounds.
        """
        types, read = cls._types(), {}
        for name, value in values.items():
            if name not in cls.names():
                raise unknown(f"setting of {owner}", name, cls.names())
            read[name] = (
                _read(f"{owner}.{name}", value, types[name]) if isinstance(value, str) else value
            )
        return cls(**read)

    @classmethod
    def applicable(cls, values: Mapping[str, object]) -> dict[str, object]:
        """Those of `values` whose names are fields here."""
        return {name: value for name, value in values.items() if name in cls.names()}

    def as_dict(self) -> dict[str, Any]:
        """Field name -> value, JSON-serialisable."""
        return dataclasses.asdict(self)


def _read(name: str, text: str, kind: Any) -> object:
    try:
        if kind is bool:
            return _WORDS[text.casefold()]
        if kind in (int, float):
            return kind(text)
    except (KeyError, ValueError):
        wanted = (
            "true or false" if kind is bool else "a whole number" if kind is int else "a number"
        )
        raise UserError(f"{name}={text!r} cannot be read (allowed: {wanted})") from None
    return text
