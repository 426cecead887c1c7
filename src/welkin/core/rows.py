"""Between rows of a database and Structs: which columns a Struct names, and how their values travel."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

RowT = TypeVar("RowT", bound=msgspec.Struct)
Convert = Callable[[Any], Any]

_json_encode = msgspec.json.Encoder().encode


@functools.cache
def columns(row: type[msgspec.Struct], prefix: str = "") -> str:
    """Return the columns that `row` names, in its order: `"t.id, t.name"` for the prefix `t.`."""
    return ", ".join(prefix + name for name in row.__struct_fields__)


@functools.cache
def reader(row: type[RowT]) -> Callable[[Sequence[Any]], RowT]:
    """Return a function from a database's row, in the Struct's order of fields, to the Struct.

    Columns whose field is a bool, a container or a Struct are converted: SQLite has no
    booleans, and what is not a scalar is kept as JSON text in both databases.
    """
    hints = typing.get_type_hints(row)
    conversions = [(index, _conversion(hints[name])) for index, name in enumerate(row.__struct_fields__)]
    needed = [(index, convert) for index, convert in conversions if convert is not None]
    if not needed:
        return lambda values: row(*values)

    def read(values: Sequence[Any]) -> RowT:
        cells = list(values)
        for index, convert in needed:
            if cells[index] is not None:
                cells[index] = convert(cells[index])
        return row(*cells)

    return read


def encode(value: object) -> object:
    """Return `value` as a database takes it: scalars as they are, everything else as JSON text."""
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, set | frozenset):
        value = sorted(value)
    return _json_encode(value).decode()


def cells(row: msgspec.Struct | Mapping[str, object]) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """Return the names and the encoded values of a row to insert."""
    if isinstance(row, msgspec.Struct):
        names = row.__struct_fields__
        return names, tuple(encode(getattr(row, name)) for name in names)
    return tuple(row), tuple(encode(value) for value in row.values())


def _conversion(hint: Any) -> Convert | None:
    hint = _without_none(hint)
    if hint is bool:
        return bool
    origin = typing.get_origin(hint) or hint
    if origin in (list, dict, tuple, set, frozenset) or (
        isinstance(origin, type) and issubclass(origin, msgspec.Struct)
    ):
        return msgspec.json.Decoder(hint).decode
    return None


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(others) == 1:
            return _without_none(others[0])
    if typing.get_origin(hint) is typing.Annotated:
        return _without_none(typing.get_args(hint)[0])
    return hint
