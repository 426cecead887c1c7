"""Lists: filter, sort, marker, limit.  Once, for every list of every service.

A room says which arguments filter what and how, and which names sort; the SQL is made
here, with every value as a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from welkin.core import patterns, times
from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid

RowT = TypeVar("RowT", bound=msgspec.Struct)
Args = Mapping[str, Sequence[str]]
Sort = tuple[tuple[str, str], ...]

LIMIT_MAX = 1000


class Select:
    """A statement in the making: conditions and the values that they take."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.values: list[object] = []

    def value(self, value: object) -> str:
        """Add a parameter and return its place, such as `$3`."""
        self.values.append(value)
        return f"${len(self.values)}"

    def where(self, condition: str, *values: object) -> None:
        """Add a condition in which each `?` stands for the next of `values`."""
        pieces = condition.split("?")
        text = pieces[0]
        for value, piece in zip(values, pieces[1:], strict=True):
            text += self.value(value) + piece
        self.conditions.append(text)

    def any_of(self, column: str, values: Iterable[object]) -> None:
        """Demand that `column` is one of `values`; of none, nothing is found."""
        marks = ", ".join(self.value(value) for value in values)
        self.conditions.append(f"{column} IN ({marks})" if marks else "1 = 0")

    def clause(self) -> str:
        """Return the WHERE clause, or nothing."""
        return f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


Filter = Callable[[Select, Sequence[str]], None]


def equal(column: str) -> Filter:
    """Match any of the given values."""
    return lambda select, values: select.any_of(column, values)


def not_equal(column: str) -> Filter:
    """Match none of the given values."""

    def apply(select: Select, values: Sequence[str]) -> None:
        for value in values:
            select.where(f"{column} <> ?", value)

    return apply


def boolean(column: str) -> Filter:
    """Match a yes or a no, in any of the spellings that clients use."""
    return lambda select, values: select.where(f"{column} = ?", truth(values[-1]))


def integer(column: str, operator: str = "=") -> Filter:
    """Compare with a whole number."""
    return lambda select, values: select.where(f"{column} {operator} ?", whole(values[-1]))


def since(column: str, operator: str = ">=") -> Filter:
    """Compare with a time."""
    return lambda select, values: select.where(f"{column} {operator} ?", times.parse(values[-1]))


def contains(column: str) -> Filter:
    """Match texts that contain the given one."""
    return lambda select, values: select.where(f"{column} LIKE ? ESCAPE '\\'", "%" + escape_like(values[-1]) + "%")


def starts(column: str) -> Filter:
    """Match texts that start with the given one."""
    return lambda select, values: select.where(f"{column} LIKE ? ESCAPE '\\'", escape_like(values[-1]) + "%")


def pattern(column: str) -> Filter:
    """Match a regular expression anywhere in the text."""

    def apply(select: Select, values: Sequence[str]) -> None:
        patterns.pattern(values[-1])  # refused here, where the caller hears of it
        select.where(f"{column} REGEXP ?", values[-1])

    return apply


def comparison(column: str, read: Callable[[str], object] = str) -> Filter:
    """Match `value`, `in:a,b`, `neq:a`, `gt:`, `gte:`, `lt:` or `lte:`, as image writes it; `read` converts a value."""
    operators = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

    def apply(select: Select, values: Sequence[str]) -> None:
        for value in values:
            word, colon, operand = value.partition(":")
            if colon and word == "in":
                select.any_of(column, [read(part) for part in operand.split(",")])
            elif colon and word in operators:
                select.where(f"{column} {operators[word]} ?", read(operand))
            else:
                select.where(f"{column} = ?", read(value))

    return apply


def tagged(kind: str, id_column: str, negative: bool = False, every: bool = True) -> Filter:  # noqa: FBT001, FBT002
    """Match by tags, comma separated: `every` one of them or any; `negative` turns the match around.

    `id_column` is qualified, such as `servers.id`: a bare `id` would be that of the tag itself.
    """

    def apply(select: Select, values: Sequence[str]) -> None:
        wanted = [tag for value in values for tag in value.split(",") if tag]
        parts = [
            f"EXISTS (SELECT 1 FROM tags WHERE tags.kind = {select.value(kind)}"
            f" AND tags.id = {id_column} AND tags.tag = {select.value(tag)})"
            for tag in wanted
        ]
        if parts:
            joined = (" AND " if every else " OR ").join(parts)
            select.conditions.append(f"NOT ({joined})" if negative else f"({joined})")

    return apply


class Page(msgspec.Struct, Generic[RowT]):
    """One page of a list, and whether there are more behind it."""

    rows: list[RowT]
    more: bool


class Listing(msgspec.Struct, Generic[RowT], kw_only=True):
    """How one kind of resource is listed."""

    table: str
    """What to select from, with an alias where it joins: `servers` or `servers AS s JOIN …`."""
    row: type[RowT]
    prefix: str = ""
    """Before each column of `row`, such as `s.`."""
    key: str = "id"
    """The column that a marker names and that makes an order total."""
    filters: Mapping[str, Filter] = msgspec.field(default_factory=dict)
    sorts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Names that clients sort by, and the columns behind them.  A column that may be null is wrapped in COALESCE."""
    default_sort: Sort = ()

    async def page(
        self, reads: Reads, select: Select, sort: Sort = (), limit: int | None = None, marker: str | None = None
    ) -> Page[RowT]:
        """Return the rows after `marker` that match `select`.

        sort    pairs of a client's name and `asc` or `desc`; empty takes the default.
        limit   how many rows at most; None takes LIMIT_MAX.
        Raises  Invalid for a name that does not sort and for a marker that is not there.
        """
        order = self._order(sort or self.default_sort)
        if marker is not None:
            await self._after(reads, select, order, marker)
        count = LIMIT_MAX if limit is None else min(limit, LIMIT_MAX)
        ordering = ", ".join(f"{column} {direction}" for column, direction in order)
        sql = (
            f"SELECT {columns(self.row, self.prefix)} FROM {self.table}{select.clause()}"
            f" ORDER BY {ordering} LIMIT {count + 1}"
        )
        rows = await reads.all(self.row, sql, *select.values)
        return Page(rows[:count], len(rows) > count)

    def filter(self, select: Select, args: Args) -> None:
        """Apply every argument that is a filter here."""
        for name, values in args.items():
            apply = self.filters.get(name)
            if apply is not None:
                apply(select, values)

    def _order(self, sort: Sort) -> Sort:
        order: list[tuple[str, str]] = []
        for name, direction in sort:
            column = self.sorts.get(name)
            if column is None:
                raise Invalid(f"{name!r} cannot be sorted by; take one of: {', '.join(sorted(self.sorts))}.")
            if direction not in ("asc", "desc"):
                raise Invalid(f"A sort direction is asc or desc, not {direction!r}.")
            order.append((column, direction))
        key = self.prefix + self.key
        if key not in [column for column, _ in order]:
            order.append((key, order[-1][1] if order else "asc"))
        return tuple(order)

    async def _after(self, reads: Reads, select: Select, order: Sort, marker: str) -> None:
        """Demand a place behind the marker's in a lexicographic order of mixed directions."""
        key = self.prefix + self.key
        alternatives = []
        base = self.table
        if not await reads.value(f"SELECT 1 FROM {base} WHERE {key} = $1", marker):
            raise Invalid(f"The marker {marker!r} could not be found.")
        cells = [await reads.value(f"SELECT {column} FROM {base} WHERE {key} = $1", marker) for column, _ in order]
        for index, (column, direction) in enumerate(order):
            parts = [f"{earlier} = {select.value(cells[at])}" for at, (earlier, _) in enumerate(order[:index])]
            parts.append(f"{column} {'>' if direction == 'asc' else '<'} {select.value(cells[index])}")
            alternatives.append(f"({' AND '.join(parts)})")
        select.conditions.append(f"({' OR '.join(alternatives)})")


def sorting(args: Args) -> Sort:
    """Return the order that `sort_key` and `sort_dir` ask for, or `sort=name:asc,other`.  Raises Invalid."""
    if "sort" in args:
        pairs = [part.partition(":") for value in args["sort"] for part in value.split(",") if part]
        return tuple((name.strip(), direction.strip() or "desc") for name, _, direction in pairs)
    keys, directions = list(args.get("sort_key", ())), list(args.get("sort_dir", ()))
    if len(directions) > len(keys) and keys:
        raise Invalid("There are more sort directions than sort keys.")
    last = directions[-1] if directions else ""
    directions += [last] * (len(keys) - len(directions))
    return tuple((key, direction.lower()) for key, direction in zip(keys, directions, strict=False))


def limit_of(args: Args) -> int | None:
    """Return the limit that the query asks for, or None.  Raises Invalid."""
    values = args.get("limit")
    if not values:
        return None
    limit = whole(values[-1])
    if limit < 0:
        raise Invalid("A limit cannot be negative.")
    return limit


def marker_of(args: Args) -> str | None:
    """Return the marker that the query names, or None."""
    values = args.get("marker")
    return values[-1] if values else None


def whole(text: str) -> int:
    """Read a whole number.  Raises Invalid."""
    try:
        number = int(text)
    except ValueError:
        raise Invalid(f"{text!r} is not a whole number.") from None
    if not -(1 << 63) <= number < 1 << 63:
        raise Invalid(f"{text} is out of range.")
    return number


def truth(text: str) -> bool:
    """Read a yes or a no.  Raises Invalid."""
    word = text.strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise Invalid(f"{text!r} is neither true nor false.")


def escape_like(text: str) -> str:
    """Return `text` so that LIKE takes every character as itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
