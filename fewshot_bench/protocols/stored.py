"""Protocols as records and files of episodes hold them."""

from __future__ import annotations

from typing import Any

from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.protocols.protocol import Classification, FewShot

__all__ = ["AnyProtocol", "protocol_of"]

AnyProtocol = FewShot | Classification | Pairs  # OpenWorld is a FewShot


def protocol_of(values: dict[str, Any]) -> AnyProtocol:
    """The protocol that `Protocol.as_dict` wrote. Without a kind, it is a few-shot protocol.

    Raises `ValueError` for an unknown kind and `TypeError` for an unknown or missing field.
    """
    fields = {name: _frozen(value) for name, value in values.items()}
    kind = fields.pop("kind", FewShot.kind)
    for protocol_class in (FewShot, OpenWorld, Classification, Pairs):
        if kind == protocol_class.kind:
            return protocol_class(**fields)
    raise ValueError(f"unknown kind of protocol {kind!r}")


def _frozen(value: Any) -> Any:
    """The value with tuples in the place of the lists that JSON has."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value
