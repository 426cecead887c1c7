"""What a request for candidates asks, and how it is read from a query string."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from welkin.core.errors import Invalid
from welkin.services.placement.errors import BadArgument, DuplicateArgument, MissingArgument
from welkin.services.placement.providers.filters import (
    AggregateFilter,
    TraitFilter,
    aggregates_of,
    resources_of,
    traits_of,
)
from welkin.services.placement.providers.shapes import dashed

KEY = re.compile(r"(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?\Z")
WIDE = frozenset({"limit", "group_policy", "root_required", "same_subtree"})
FLAT = " flat"
"""The argument with which older versions say that they know no trees; no client's query has it."""

Args = Mapping[str, Sequence[str]]
Groups = Mapping[str, "Group"]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Resources that belong together.

    The group without a suffix may be met by several providers of one tree, and by providers
    that share with it; any other by one provider alone.
    """

    resources: Mapping[str, int] = {}
    traits: TraitFilter = TraitFilter()
    aggregates: AggregateFilter = AggregateFilter()
    in_tree: str | None = None
    """A provider; the group must be met in its tree."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is asked at once."""

    groups: Groups
    """By suffix."""
    group_policy: Literal["none", "isolate"] = "none"
    """Whether every group with a suffix must have a provider of its own."""
    limit: int | None = None
    root: TraitFilter = TraitFilter()
    """What the top of a candidate's tree must be like."""
    same_subtrees: tuple[frozenset[str], ...] = ()
    """Suffixes whose providers must all be below, or be, one of these providers."""
    flat: bool = False
    """Whether at most one provider of each tree may be in a candidate, as before 1.29."""

    @property
    def classes(self) -> frozenset[str]:
        """Every resource class that is asked for."""
        return frozenset(name for group in self.groups.values() for name in group.resources)

    @property
    def trait_names(self) -> frozenset[str]:
        """Every trait that is named."""
        return self.root.names.union(*(group.traits.names for group in self.groups.values()))


def parse(args: Args) -> Request:
    """Read a query of the newest version.  Raises Invalid and its kinds."""
    suffixes: dict[str, None] = {}
    for key in args:
        matched = KEY.match(key)
        if matched:
            suffixes[matched.group(2) or ""] = None
        elif key not in WIDE and key != FLAT:
            raise Invalid(f"Invalid query string parameters: {key!r} does not match any of the regexes: {KEY.pattern}")
    groups = {suffix: _group(args, suffix) for suffix in suffixes}
    subtrees = tuple(_subtree(value) for value in args.get("same_subtree", ()))
    _check_groups(groups, subtrees)
    policy = _policy(args, groups)
    return Request(
        groups=groups,
        group_policy="isolate" if policy == "isolate" else "none",
        limit=_limit(args),
        root=_root(args),
        same_subtrees=subtrees,
        flat=FLAT in args,
    )


def _group(args: Args, suffix: str) -> Group:
    resources = args.get(f"resources{suffix}")
    tree = args.get(f"in_tree{suffix}")
    traits = traits_of(args.get(f"required{suffix}", ()))
    for any_of in traits.required:
        if any_of <= traits.forbidden:
            raise Invalid(
                "Conflicting required and forbidden traits found in the following traits keys: "
                f"required{suffix}: ({', '.join(sorted(any_of))})"
            )
    return Group(
        resources=resources_of(resources[-1]) if resources else {},
        traits=traits,
        aggregates=aggregates_of(args.get(f"member_of{suffix}", ())),
        in_tree=_tree(tree[-1]) if tree else None,
    )


def _tree(text: str) -> str:
    try:
        return dashed(text.strip())
    except Invalid:
        raise Invalid(
            f"Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: {text}"
        ) from None


def _subtree(value: str) -> frozenset[str]:
    suffixes = frozenset(part.strip() for part in value.split(","))
    if "" in suffixes:
        raise BadArgument("Empty string (unsuffixed group) can not be specified in `same_subtree`")
    return suffixes


def _check_groups(groups: Groups, subtrees: Iterable[frozenset[str]]) -> None:
    bare = [suffix for suffix, group in groups.items() if not group.resources]
    named = frozenset[str]().union(*subtrees)
    if len(bare) == len(groups):
        raise MissingArgument("There must be at least one resources or resources[$S] parameter.")
    wrong = [suffix for suffix in bare if suffix not in named]
    if wrong:
        raise BadArgument(
            "Resourceless suffixed group request should be specified in `same_subtree` query param: "
            f"bad group(s) - {wrong}."
        )
    strange = sorted(named - set(groups))
    if strange:
        raise BadArgument(
            f"Real suffixes should be specified in `same_subtree`: {strange} not found in {list(groups)}."
        )


def _policy(args: Args, groups: Groups) -> str | None:
    policy = args["group_policy"][0] if args.get("group_policy") else None
    if policy not in (None, "none", "isolate"):
        raise Invalid(f"Invalid query string parameters: {policy!r} is not one of ['none', 'isolate']")
    if policy is None and len([suffix for suffix in groups if suffix]) > 1:
        raise Invalid(
            'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.'
        )
    return policy


def _limit(args: Args) -> int | None:
    if not args.get("limit"):
        return None
    text = args["limit"][0]
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise Invalid(f"Invalid query string parameters: {text!r} does not match '^[1-9][0-9]*$'")
    return int(text)


def _root(args: Args) -> TraitFilter:
    values = args.get("root_required", ())
    if len(values) > 1:
        raise DuplicateArgument("Query parameter 'root_required' may be specified only once.")
    if values and values[0].startswith("in:"):
        raise Invalid(
            "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' is not supported in "
            f"root_required. It only supported since microversion 1.39 in required. Got: {values[0]}"
        )
    traits = traits_of(values)
    conflicts = traits.forbidden.intersection(*[frozenset[str]().union(*traits.required)])
    if conflicts:
        raise BadArgument(
            f"Conflicting required and forbidden traits found in root_required: {', '.join(sorted(conflicts))}"
        )
    return traits
