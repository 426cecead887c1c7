"""Bodies, lists and targets as every resource of identity has them.

Bodies name their resource, `{"project": {...}}`, and may hold attributes that identity
does not know: those are kept and given back, under `extra` in the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from welkin.core import listing, times
from welkin.core.errors import Invalid
from welkin.core.http import Call
from welkin.core.listing import Filter, Listing, Page, Select
from welkin.services.identity.errors import NoSuch

ShapeT = TypeVar("ShapeT", bound=msgspec.Struct)
RowT = TypeVar("RowT", bound=msgspec.Struct)
View = dict[str, object]
Given = dict[str, Any]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"\S")]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
Text = Annotated[str, msgspec.Meta(max_length=65_535)]

TIME_MAX = 253_370_764_800.0
"""The year 9999, which is the last that can be written."""
NOT_EXTRA = frozenset({"id", "links"})


def take(shape: type[ShapeT], given: Given) -> tuple[ShapeT, dict[str, Any]]:
    """Return the attributes that `shape` knows, and the rest of `given`.  Raises Invalid."""
    try:
        known = msgspec.convert(given, shape)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    names = {field.encode_name for field in msgspec.structs.fields(shape)} | NOT_EXTRA
    return known, {name: value for name, value in given.items() if name not in names}


def changes(shape: msgspec.Struct) -> dict[str, Any]:
    """Return the attributes of a PATCH that were given."""
    found = ((name, getattr(shape, name)) for name in shape.__struct_fields__)
    return {name: value for name, value in found if value is not msgspec.UNSET}


def link(call: Call, *path: str) -> dict[str, str]:
    """Return the `links` of one resource."""
    return {"self": "/".join((call.base_url, "v3", *(quote(part, safe="") for part in path)))}


def collection(call: Call, key: str, views: Sequence[View], *, truncated: bool = False) -> View:
    """Return a list's body."""
    here = call.origin + call.path
    query = urlencode([(name, value) for name, values in call.args.items() for value in values])
    links: dict[str, str | None] = {"next": None, "self": f"{here}?{query}" if query else here, "previous": None}
    body: View = {key: views, "links": links}
    if truncated:
        args = {name: values[-1] for name, values in call.args.items()} | {"marker": str(views[-1]["id"])}
        links["next"] = f"{here}?{urlencode(args)}"
        body["truncated"] = True
    return body


async def page(call: Call, lists: Listing[RowT], select: Select, what: str) -> Page[RowT]:
    """Return the rows that the query asks for: all of them when it gives no limit, as clients of identity expect."""
    args = call.args
    lists.filter(select, args)
    limit, marker = listing.limit_of(args), listing.marker_of(args)
    if limit == 0:
        limit = None
    sort = tuple((name, direction or "asc") for name, direction in listing.sorting(args))
    if marker is not None and not await call.db.value(f"SELECT 1 FROM {lists.table} WHERE id = $1", marker):
        raise NoSuch(what, marker)
    conditions, values = list(select.conditions), list(select.values)
    rows: list[RowT] = []
    while True:
        found = await lists.page(call.db, select, sort, limit, marker)
        rows += found.rows
        if limit is not None or not found.more:
            return Page(rows, found.more)
        marker = found.rows[-1].id  # type: ignore[attr-defined]
        select.conditions, select.values = list(conditions), list(values)


def text_filters(*columns: str) -> dict[str, Filter]:
    """Return filters of texts: equal, and the inexact ones such as `name__contains`."""
    found: dict[str, Filter] = {}
    for column in columns:
        found |= {
            column: listing.equal(column),
            f"{column}__contains": listing.contains(column),
            f"{column}__startswith": listing.starts(column),
            f"{column}__endswith": _ends(column),
            f"{column}__icontains": _lower(listing.contains(f"LOWER({column})")),
            f"{column}__istartswith": _lower(listing.starts(f"LOWER({column})")),
            f"{column}__iendswith": _lower(_ends(f"LOWER({column})")),
            f"{column}__iexact": _lower(listing.equal(f"LOWER({column})")),
        }
    return found


def flag(column: str) -> Filter:
    """Match a yes or a no as identity reads it: everything is a yes but `0` and `false`."""
    return lambda select, values: select.where(f"{column} = ?", truth(values[-1]))


def truth(text: str) -> bool:
    """Return whether a query's value means yes."""
    return text.strip().lower() not in ("0", "false", "no")


def asked(call: Call, name: str) -> bool:
    """Return whether the query has `name` and does not deny it; `?effective` alone is a yes."""
    values = call.args.get(name)
    return values is not None and truth(values[-1])


def about(kind: str, facts: Mapping[str, object] | msgspec.Struct | None) -> dict[str, object]:
    """Return a policy target: `target.user.domain_id` for the kind `user`.  Of nothing, nothing is known."""
    if facts is None:
        return {}
    if isinstance(facts, msgspec.Struct):
        facts = msgspec.structs.asdict(facts)
    return {f"target.{kind}.{name}": value for name, value in facts.items()}


def end_of(call: Call, text: str) -> float:
    """Read when something is to end.  Raises Invalid for a time that is over, or that no clock will show."""
    at = times.parse(text)
    if not call.world.now() < at < TIME_MAX:
        raise Invalid("The 'expires_at' must not be before now.")
    return at


def marks(values: Iterable[object], first: int = 1) -> str:
    """Return the places of `values` in a statement, such as `$1, $2`."""
    return ", ".join(f"${index}" for index, _ in enumerate(values, first))


def _ends(column: str) -> Filter:
    def apply(select: Select, values: Sequence[str]) -> None:
        select.where(f"{column} LIKE ? ESCAPE '\\'", "%" + listing.escape_like(values[-1]))

    return apply


def _lower(inner: Filter) -> Filter:
    return lambda select, values: inner(select, [value.lower() for value in values])
