"""Queries as older clients may write them: what they did not know was passed over, not refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_type_hints

import msgspec

from welkin.core.errors import Invalid
from welkin.core.versions import Handler
from welkin.services.compute.service import versions

Args = Mapping[str, list[str]]
Change = Callable[[Args], Args]


def passed_over_before(version: str, *handlers: Handler, unknown: tuple[str, ...] = ()) -> None:
    """Have unknown arguments refused since `version` only; `unknown` names those that came later still."""
    for handler in handlers:
        query = get_type_hints(handler)["query"]
        names = {field.encode_name for field in msgspec.structs.fields(query)} - set(unknown)
        versions.query_before(version, handler)(_only(names))


def _only(names: set[str]) -> Change:
    def change(args: Args) -> Args:
        return {name: values for name, values in args.items() if name in names}

    return change


def refuse_args(*names: str) -> Change:
    """Return a change that refuses arguments which came with a later version."""

    def change(args: Args) -> Args:
        for name in names:
            if name in args:
                raise Invalid(f"Additional properties are not allowed ({name!r} was unexpected)")
        return args

    return change


def without_args(*names: str) -> Change:
    """Return a change that passes over arguments which came with a later version."""

    def change(args: Args) -> Args:
        return {name: values for name, values in args.items() if name not in names}

    return change
