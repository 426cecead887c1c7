"""How images are listed: what filters, what sorts, and where the next page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from welkin.core import listing, times
from welkin.core.errors import Invalid
from welkin.core.listing import Filter, Listing, Select, whole
from welkin.services.image.images.store import TAGS
from welkin.services.image.tables import ImageRow

LIMIT_DEFAULT = 25
MEMBER_STATUSES = ("pending", "accepted", "rejected", "all")
VISIBILITIES = ("community", "public", "private", "shared", "all")
NOT_FILTERS = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "visibility", "member_status"})

MOMENTS: Mapping[str, tuple[int | None, int | None]] = {
    "eq": (0, 1),
    "neq": (None, None),
    "gt": (1, None),
    "gte": (0, None),
    "lt": (None, 0),
    "lte": (None, 1),
}
"""From how many seconds after the given one, and before how many."""

Args = Mapping[str, list[str]]


def either(column: str, read: Callable[[str], object] = str) -> Filter:
    """Match a value, or any of `in:a,b`."""

    def apply(select: Select, values: list[str]) -> None:
        value = values[-1]
        if value.startswith("in:"):
            select.any_of(column, [read(part.strip('"')) for part in value[3:].split(",")])
        else:
            select.where(f"{column} = ?", read(value))

    return apply  # type: ignore[return-value]


def truth(column: str) -> Filter:
    """Match `true` or `false`, and nothing else."""

    def apply(select: Select, values: list[str]) -> None:
        if values[-1].lower() not in ("true", "false"):
            raise Invalid(f"Invalid value '{values[-1]}' for '{column}' filter. Valid values are 'true' or 'false'.")
        select.where(f"{column} = ?", values[-1].lower() == "true")

    return apply  # type: ignore[return-value]


def moment(column: str) -> Filter:
    """Compare with a time, `gt:2026-11-21T09:30:00Z`; clients see whole seconds, and so they are compared."""

    def apply(select: Select, values: list[str]) -> None:
        for value in values:
            word, _, text = value.partition(":")
            if word not in MOMENTS:
                word, text = "eq", value
            at = float(int(times.parse(text)))
            starts, ends = MOMENTS[word]
            if word == "neq":
                select.where(f"({column} < ? OR {column} >= ?)", at, at + 1)
                continue
            if starts is not None:
                select.where(f"{column} >= ?", at + starts)
            if ends is not None:
                select.where(f"{column} < ?", at + ends)

    return apply  # type: ignore[return-value]


HIDDEN = truth("os_hidden")

IMAGES = Listing(
    table="images",
    row=ImageRow,
    filters={
        "id": either("id"),
        "name": either("name"),
        "status": either("status"),
        "container_format": either("container_format"),
        "disk_format": either("disk_format"),
        "owner": either("owner"),
        "checksum": either("checksum"),
        "os_hash_algo": either("os_hash_algo"),
        "os_hash_value": either("os_hash_value"),
        "min_disk": either("min_disk", whole),
        "min_ram": either("min_ram", whole),
        "size": either("size", whole),
        "size_min": listing.integer("size", ">="),
        "size_max": listing.integer("size", "<="),
        "protected": truth("protected"),
        "os_hidden": HIDDEN,
        "created_at": moment("created_at"),
        "updated_at": moment("updated_at"),
        "tag": listing.tagged(TAGS, "images.id"),
    },
    sorts={
        "name": "COALESCE(name, '')",
        "status": "status",
        "container_format": "COALESCE(container_format, '')",
        "disk_format": "COALESCE(disk_format, '')",
        "size": "COALESCE(size, 0)",
        "id": "id",
        "created_at": "created_at",
        "updated_at": "updated_at",
    },
    default_sort=(("created_at", "desc"),),
)


def filtered(args: Args) -> Select:
    """Return the conditions that a query names; what is not a field of ours is a custom property.  Raises Invalid."""
    if "changes-since" in args:
        raise Invalid('The "changes-since" filter is no longer available on v2.')
    select = Select()
    IMAGES.filter(select, args)
    if "os_hidden" not in args:
        HIDDEN(select, ["false"])
    for name, values in args.items():
        if name not in IMAGES.filters and name not in NOT_FILTERS:
            select.where(
                "EXISTS (SELECT 1 FROM image_properties AS p "
                "WHERE p.image_id = images.id AND p.name = ? AND p.value = ?)",
                name,
                values[-1],
            )
    return select


def chosen(args: Args, name: str, words: tuple[str, ...]) -> str | None:
    """Return an argument that must be one of `words`.  Raises Invalid."""
    values = args.get(name)
    if not values:
        return None
    if values[-1] not in words:
        raise Invalid(f"Invalid {name} value: {values[-1]}")
    return values[-1]


def sorting(args: Args) -> listing.Sort:
    """Return the order that a query asks for; without directions it is descending.  Raises Invalid."""
    keys, directions = args.get("sort_key", []), args.get("sort_dir", [])
    if "sort" in args and (keys or directions):
        raise Invalid("Old and new sorting syntax cannot be combined")
    if "sort" not in args:
        if len(directions) > 1 and len(directions) != len(keys):
            raise Invalid("Number of sort dirs does not match the number of sort keys")
        if directions and not keys:
            args = {**args, "sort_key": ["created_at"]}
    return tuple((name, direction or "desc") for name, direction in listing.sorting(args))


def links(args: Args, path: str, last: str | None) -> dict[str, str]:
    """Return `first`, and `next` when there is more behind the image `last`."""
    rest = [(name, value) for name, values in args.items() if name != "marker" for value in values]
    found = {"first": f"{path}?{urlencode(rest)}" if rest else path}
    if last is not None:
        found["next"] = f"{path}?{urlencode([*rest, ('marker', last)])}"
    return found
