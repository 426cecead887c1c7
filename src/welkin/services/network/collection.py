"""What every resource of the network API has in common: how it is found, listed, filtered and answered.

A resource describes itself with a Collection; its handlers call `find`, `answer_list` and
`answer_one`.  Rows of others are never found, except what is shared with the caller.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from welkin.core import listing, tags, times
from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid, Problem
from welkin.core.http import Call
from welkin.core.listing import Filter, Listing, Select
from welkin.core.policy import Rule
from welkin.core.quota import Excess
from welkin.services.network.errors import BadRequest, OverQuota, RevisionNumberConstraintFailed

RowT = TypeVar("RowT", bound=msgspec.Struct)
View = dict[str, Any]
Views = Callable[[Reads, Sequence[Any], str | None], Awaitable[list[View]]]
"""Makes the wire's bodies of rows, as seen by a project."""
written = functools.lru_cache(maxsize=4096)(times.with_z)
"""Writes a time; most rows of a list were made in few seconds."""
Scope = Callable[[Select, str], None]
"""Restricts a selection to what a project may see."""

PAGING = frozenset({"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"})
STANDARD_SORTS = ("id", "name", "project_id", "tenant_id", "description", "created_at", "updated_at", "revision_number")


class Collection(msgspec.Struct, Generic[RowT], kw_only=True):
    """One kind of resource as the API shows it."""

    singular: str
    plural: str
    """The key of a list in a body."""
    listing: Listing[RowT]
    get: Rule
    views: Views
    scope: Scope
    not_found: Callable[[str], Problem]
    hidden: Mapping[str, Rule] = msgspec.field(default_factory=dict)
    """Attributes that only those see whom their rule allows."""

    @property
    def tag_kind(self) -> str:
        """The kind under which the tags of this resource stand."""
        return f"network.{self.plural}"


def own(column: str = "project_id") -> Scope:
    """Let a project see what is its own."""
    return lambda select, project_id: select.where(f"{column} = ?", project_id)


def standard_filters(plural: str, *names: str, table: str = "") -> dict[str, Filter]:
    """Return the filters that every resource has, and equality for the columns of `names`.

    plural  the resource's name, which is also that of its table unless `table` says otherwise.
    """
    found = {name: listing.equal(name) for name in ("id", "name", "description", "project_id", *names)}
    kind, key = f"network.{plural}", f"{table or plural}.id"
    return found | {
        "tenant_id": listing.equal("project_id"),
        "revision_number": listing.integer("revision_number"),
        "created_at": listing.since("created_at", "="),
        "updated_at": listing.since("updated_at", "="),
        "changed_since": listing.since("updated_at"),
        "tags": listing.tagged(kind, key),
        "tags-any": listing.tagged(kind, key, every=False),
        "not-tags": listing.tagged(kind, key, negative=True),
        "not-tags-any": listing.tagged(kind, key, negative=True, every=False),
    }


def sorts(*names: str, prefix: str = "", standard: Iterable[str] = STANDARD_SORTS) -> dict[str, str]:
    """Return the names that sort a list, and the columns behind them."""
    found = {name: prefix + name for name in (*standard, *names)}
    if "tenant_id" in found:
        found["tenant_id"] = f"{prefix}project_id"
    return found


def null_filter(column: str) -> Filter:
    """Match any of the given values, where an empty one stands for null."""

    def apply(select: Select, values: Sequence[str]) -> None:
        some = [value for value in values if value not in ("", "None", "null")]
        parts = [f"{column} IN ({', '.join(select.value(value) for value in some)})"] if some else []
        if len(some) < len(values):
            parts.append(f"{column} IS NULL")
        select.conditions.append(f"({' OR '.join(parts)})")

    return apply


def standard(row: Any) -> View:
    """Return the attributes that every resource has."""
    return {
        "id": row.id,
        "name": row.name,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "description": row.description,
        **stamps(row),
    }


def stamps(row: Any) -> View:
    """Return when a row was made and changed, and how often."""
    return {
        "created_at": written(row.created_at),
        "updated_at": written(row.updated_at),
        "revision_number": row.revision_number,
    }


async def tags_of(reads: Reads, plural: str, rows: Sequence[Any]) -> dict[str, list[str]]:
    """Return the tags of each row."""
    return await tags.get_many(reads, f"network.{plural}", [row.id for row in rows])


def sees_all(call: Call, rule: Rule) -> bool:
    """Return whether the caller may read what belongs to any project."""
    return call.allowed(rule, project_id="")


async def find(call: Call, reads: Reads, collection: Collection[RowT], id: str) -> RowT:
    """Return a row that the caller may know of.  Raises the collection's not-found."""
    row = await look_for(call, reads, collection, id)
    if row is None:
        raise collection.not_found(id)
    return row


async def look_for(call: Call, reads: Reads, collection: Collection[RowT], id: str) -> RowT | None:
    """Return a row that the caller may know of, or None."""
    select = Select()
    select.where(f"{collection.listing.prefix}id = ?", id)
    if not sees_all(call, collection.get):
        collection.scope(select, call.actor.project_id or "")
    return await pick(reads, collection, select)


async def pick(reads: Reads, collection: Collection[RowT], select: Select) -> RowT | None:
    """Return the first row of a selection."""
    view = collection.listing
    sql = f"SELECT {columns(view.row, view.prefix)} FROM {view.table}{select.clause()}"
    return await reads.one(view.row, sql, *select.values)


async def answer_list(call: Call, collection: Collection[Any]) -> View:
    """Answer a list as the query asks for it."""
    args = call.args
    check_filters(args, collection.listing.filters)
    select = Select()
    if not sees_all(call, collection.get):
        call.enforce(collection.get, project_id=call.actor.project_id)
        collection.scope(select, call.actor.project_id or "")
    call.enforced = True
    collection.listing.filter(select, args)
    reverse = "page_reverse" in args and listing.truth(args["page_reverse"][-1])
    limit, marker = listing.limit_of(args) or None, listing.marker_of(args)
    page = await collection.listing.page(call.db, select, order(args, reverse), limit, marker)
    rows = page.rows[::-1] if reverse else page.rows
    found = await collection.views(call.db, rows, call.actor.project_id)
    showing = Showing(call, collection)
    answer: View = {collection.plural: [showing.of(view) for view in found]}
    links = page_links(call, found, limit if limit is not None else listing.LIMIT_MAX, reverse)
    if limit is not None or page.more:
        answer[f"{collection.plural}_links"] = links
    return answer


def check_filters(args: Mapping[str, Sequence[str]], filters: Mapping[str, Filter]) -> None:
    """Refuse arguments that filter nothing.  Raises Invalid."""
    unknown = [name for name in args if name not in filters and name not in PAGING]
    if unknown:
        raise Invalid(f"{unknown} is invalid attribute for filtering")


def order(args: Mapping[str, Sequence[str]], reverse: bool) -> listing.Sort:  # noqa: FBT001 - half of what paging is
    """Return the order of a list; a reversed page is read backwards."""
    sort = tuple((name, direction or "asc") for name, direction in listing.sorting(args)) or (("id", "asc"),)
    return tuple((name, turn(direction)) for name, direction in sort) if reverse else sort


def turn(direction: str) -> str:
    """Return the opposite direction."""
    return {"asc": "desc", "desc": "asc"}.get(direction, direction)


def page_links(call: Call, found: Sequence[View], limit: int, reverse: bool) -> list[View]:  # noqa: FBT001
    """Return links to the next and the previous page, where there may be one."""
    short = len(found) < limit
    links = []
    if not (short and not reverse):
        links.append({"rel": "next", "href": page_href(call, found[-1:], reverse=False)})
    if not (short and reverse):
        links.append({"rel": "previous", "href": page_href(call, found[:1], reverse=True)})
    return links


def page_href(call: Call, edge: Sequence[View], *, reverse: bool) -> str:
    """Return the address of the page behind or before `edge`."""
    args = {name: values for name, values in call.args.items() if name not in ("marker", "page_reverse")}
    if edge:
        args["marker"] = [edge[0]["id"]]
    if reverse:
        args["page_reverse"] = ["True"]
    return f"{call.origin}{call.path}?{urlencode(args, doseq=True)}"


class Showing:
    """What one caller may see, and asked for, of resources; decided once for each project that owns some."""

    def __init__(self, call: Call, collection: Collection[Any]) -> None:
        self._call, self._rules = call, collection.hidden
        self._fields = fields_of(call.args)
        self._hidden: dict[object, list[str]] = {}

    def of(self, view: View) -> View:
        """Return what is shown of one resource."""
        owner = view.get("project_id")
        hidden = self._hidden.get(owner)
        if hidden is None:
            rules = self._rules.items()
            hidden = [name for name, rule in rules if not self._call.allowed(rule, project_id=owner)]
            self._hidden[owner] = hidden
        for name in hidden:
            view.pop(name, None)
        return {name: view[name] for name in self._fields if name in view} if self._fields else view


def fields_of(args: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the attributes that the query asks for; none is all."""
    return [name for name in args.get("fields", ()) if name]


async def answer_show(call: Call, collection: Collection[Any], id: str) -> View:
    """Answer one resource by its id."""
    if not sees_all(call, collection.get):
        call.enforce(collection.get, project_id=call.actor.project_id)
    call.enforced = True
    row = await find(call, call.db, collection, id)
    return await answer_one(call, call.db, collection, row)


async def answer_one(call: Call, reads: Reads, collection: Collection[RowT], row: RowT) -> View:
    """Answer a row."""
    views = await collection.views(reads, [row], call.actor.project_id)
    return {collection.singular: Showing(call, collection).of(views[0])}


async def answer_created(
    call: Call, reads: Reads, collection: Collection[RowT], rows: Sequence[RowT], *, one: bool
) -> View:
    """Answer what was created: a resource, or a list of them."""
    views = await collection.views(reads, rows, call.actor.project_id)
    showing = Showing(call, collection)
    found = [showing.of(view) for view in views]
    return {collection.singular: found[0]} if one else {collection.plural: found}


def attribute_rules(
    call: Call, rules: Mapping[str, tuple[Rule, object]], body: Mapping[str, object], **target: object
) -> None:
    """Enforce the rule of each attribute that the body sets to other than its default."""
    for name, (rule, default) in rules.items():
        if name in body and body[name] != default:
            call.enforce(rule, **target)


def check_revision(call: Call, current: int) -> None:
    """Refuse when the caller's If-Match names another revision.  Raises RevisionNumberConstraintFailed."""
    header = call.headers.get(b"if-match", b"").decode("latin-1")
    wanted = [part.strip().strip('"') for part in header.split(",") if "revision_number=" in part]
    if not wanted:
        return
    if len(wanted) > 1:
        raise BadRequest("if-match", "Multiple revision_number etags are not supported")
    number = wanted[0].split("revision_number=", 1)[1]
    if not number.isdecimal() or len(number) > 18:
        raise BadRequest("if-match", "Revision number etag must be in the format of revision_number=<int>")
    if int(number) != current:
        raise RevisionNumberConstraintFailed(int(number), current)


async def change(
    call: Call, tx: Transaction, collection: Collection[RowT], row: Any, changes: Mapping[str, object]
) -> RowT:
    """Write changes of a row, with a new revision, and return the row as it is then."""
    check_revision(call, row.revision_number)
    stamped = {**changes, "revision_number": row.revision_number + 1, "updated_at": call.world.now()}
    await tx.update(collection.listing.table, {"id": row.id}, stamped)
    view = collection.listing
    found = await tx.one(view.row, f"SELECT {columns(view.row)} FROM {view.table} WHERE id = $1", row.id)
    assert found is not None
    return found


async def bump(tx: Transaction, table: str, id: str, now: float) -> None:
    """Count a revision of something whose parts have changed."""
    sql = f"UPDATE {table} SET revision_number = revision_number + 1, updated_at = $2 WHERE id = $1"
    await tx.run(sql, id, now)


def over_quota(excesses: Sequence[Excess]) -> Exception:
    """Return the refusal of a claim that does not fit."""
    return OverQuota(str([each.resource for each in excesses]))
