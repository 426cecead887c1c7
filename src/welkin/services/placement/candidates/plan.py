"""How a request could be met, from a picture of the providers: pure, and the same picture gives the same answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

import msgspec

from welkin.services.placement.candidates.request import Group, Request
from welkin.services.placement.providers.filters import AggregateFilter, TraitFilter

TRIES_MAX = 100_000
"""How many combinations are looked at; a request over wide trees could have more than there are atoms."""

Piece = tuple[str, str, int]
"""A provider, a resource class and an amount."""


class Node(msgspec.Struct, frozen=True):
    """A provider and its place in a tree."""

    id: str
    parent_id: str | None
    root_id: str


class Room(msgspec.Struct, frozen=True):
    """What a provider has left of a class, and how it may be cut."""

    provider_id: str
    resource_class: str
    left: int
    min_unit: int
    max_unit: int
    step_size: int

    def fits(self, amount: int) -> bool:
        """Return whether this amount can be had."""
        return amount <= self.left and self.min_unit <= amount <= self.max_unit and amount % self.step_size == 0


class Picture(msgspec.Struct, kw_only=True, dict=True):
    """What a request needs to know of the providers."""

    nodes: Mapping[str, Node]
    rooms: Mapping[str, Mapping[str, Room]]
    """Resource class to provider to what it has left."""
    traits: Mapping[str, frozenset[str]]
    """Of each provider the traits that the request names."""
    aggregates: Mapping[str, frozenset[str]]
    sharing: frozenset[str]
    """Providers that serve every provider of their aggregates."""

    def __post_init__(self) -> None:
        self._anchors: dict[str, frozenset[str]] = {}
        self._members: dict[str, set[str]] | None = None

    def anchors(self, provider_id: str) -> frozenset[str]:
        """Return the roots of the trees that a sharing provider serves, its own among them."""
        found = self._anchors.get(provider_id)
        if found is None:
            members = self._members_of_aggregates()
            roots = {self.nodes[provider_id].root_id}
            for aggregate in self.aggregates.get(provider_id, ()):
                roots.update(self.nodes[each].root_id for each in members[aggregate])
            found = self._anchors[provider_id] = frozenset(roots)
        return found

    def _members_of_aggregates(self) -> dict[str, set[str]]:
        if self._members is None:
            self._members = defaultdict(set)
            for provider_id, aggregates in self.aggregates.items():
                for aggregate in aggregates:
                    self._members[aggregate].add(provider_id)
        return self._members


class Option(msgspec.Struct, frozen=True):
    """One way to meet one group, for the tree below `anchor`."""

    anchor: str
    pieces: tuple[Piece, ...]
    providers: frozenset[str]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One way to meet the whole request."""

    anchor: str
    """The root of the tree that it is for: with hosts, the host."""
    allocations: Mapping[str, Mapping[str, int]]
    mappings: Mapping[str, Sequence[str]]
    """Which providers serve each group, by suffix."""


def candidates(request: Request, picture: Picture) -> list[Candidate]:
    """Return the ways in which `request` can be met, at most its limit, in the order of the picture's nodes."""
    by_anchor: dict[str, dict[str, list[Option]]] = defaultdict(dict)
    for suffix, group in request.groups.items():
        options = list(_options(suffix, group, request, picture))
        if not options:
            return []
        for option in options:
            by_anchor[option.anchor].setdefault(suffix, []).append(option)
    found: dict[object, Candidate] = {}
    budget = _Budget(TRIES_MAX)
    for anchor in picture.nodes:
        choices = by_anchor.get(anchor, {})
        if len(choices) < len(request.groups):
            continue
        for chosen in _combinations(request, picture, [choices[suffix] for suffix in request.groups], budget):
            candidate = _candidate(anchor, list(request.groups), chosen)
            found.setdefault(_identity(candidate), candidate)
            if request.limit is not None and len(found) >= request.limit:
                return list(found.values())
    return list(found.values())


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _options(suffix: str, group: Group, request: Request, picture: Picture) -> Iterator[Option]:
    found = _spread(group, picture) if suffix == "" else _single(group, picture)
    for option in found:
        if _has(picture.traits.get(option.anchor, frozenset()), request.root):
            yield option


def _single(group: Group, picture: Picture) -> Iterator[Option]:
    """Yield each provider that meets a group by itself, for every tree that it serves."""
    for provider_id in picture.nodes:
        if not _may_serve(provider_id, group, picture):
            continue
        pieces = tuple((provider_id, name, amount) for name, amount in group.resources.items())
        anchors: Iterable[str] = (picture.nodes[provider_id].root_id,)
        if provider_id in picture.sharing:
            anchors = picture.anchors(provider_id)
        for anchor in anchors:
            yield Option(anchor, pieces, frozenset({provider_id}))


def _may_serve(provider_id: str, group: Group, picture: Picture) -> bool:
    return (
        _fits_all(provider_id, group, picture)
        and _in_tree(provider_id, group, picture)
        and _has(picture.traits.get(provider_id, frozenset()), group.traits)
        and _belongs(picture.aggregates.get(provider_id, frozenset()), group.aggregates)
    )


def _fits_all(provider_id: str, group: Group, picture: Picture) -> bool:
    for name, amount in group.resources.items():
        room = picture.rooms.get(name, {}).get(provider_id)
        if room is None or not room.fits(amount):
            return False
    return True


def _spread(group: Group, picture: Picture) -> Iterator[Option]:
    """Yield each way to meet a group from the providers of one tree and those that share with it."""
    serving: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, amount in group.resources.items():
        for provider_id, anchor in _sources(name, amount, group, picture):
            serving[anchor].setdefault(name, []).append(provider_id)
    classes = list(group.resources)
    for anchor, by_class in serving.items():
        if len(by_class) < len(classes):
            continue
        for chosen in product(*(by_class[name] for name in classes)):
            providers = frozenset(chosen)
            if _have_together(providers, group.traits, picture):
                pieces = zip(chosen, classes, group.resources.values(), strict=True)
                yield Option(anchor, tuple(pieces), providers)


def _sources(name: str, amount: int, group: Group, picture: Picture) -> Iterator[tuple[str, str]]:
    """Yield (provider, root of the tree that it serves) for each provider with room for an amount of a class."""
    for provider_id, room in picture.rooms.get(name, {}).items():
        if not room.fits(amount) or not _in_tree(provider_id, group, picture):
            continue
        anchors = {picture.nodes[provider_id].root_id}
        if provider_id in picture.sharing and group.in_tree is None and _is_member(provider_id, group, picture):
            anchors |= picture.anchors(provider_id)
        for anchor in anchors:
            if _near(provider_id, anchor, group.aggregates, picture):
                yield provider_id, anchor


def _near(provider_id: str, anchor: str, wanted: AggregateFilter, picture: Picture) -> bool:
    """Say whether the provider, or the root for its whole tree, belongs where it should."""
    own = picture.aggregates.get(provider_id, frozenset())
    of_root = picture.aggregates.get(anchor, frozenset())
    required = AggregateFilter(wanted.required)
    if not (_belongs(own, required) or _belongs(of_root, required)):
        return False
    return not (wanted.forbidden & (own | of_root))


def _is_member(provider_id: str, group: Group, picture: Picture) -> bool:
    own = picture.aggregates.get(provider_id, frozenset())
    return _belongs(own, AggregateFilter(group.aggregates.required))


def _in_tree(provider_id: str, group: Group, picture: Picture) -> bool:
    if group.in_tree is None:
        return True
    named = picture.nodes.get(group.in_tree)
    return named is not None and picture.nodes[provider_id].root_id == named.root_id


def _has(traits: frozenset[str], wanted: TraitFilter) -> bool:
    return all(traits & any_of for any_of in wanted.required) and not (traits & wanted.forbidden)


def _belongs(aggregates: frozenset[str], wanted: AggregateFilter) -> bool:
    return all(aggregates & any_of for any_of in wanted.required) and not (aggregates & wanted.forbidden)


def _have_together(providers: frozenset[str], wanted: TraitFilter, picture: Picture) -> bool:
    if not wanted.required and not wanted.forbidden:
        return True
    return _has(frozenset[str]().union(*(picture.traits.get(each, frozenset()) for each in providers)), wanted)


def _combinations(
    request: Request, picture: Picture, choices: Sequence[Sequence[Option]], budget: _Budget
) -> Iterator[list[Option]]:
    """Yield one option for each group, such that all of them together can be had."""
    suffixes = list(request.groups)

    def extend(chosen: list[Option]) -> Iterator[list[Option]]:
        if len(chosen) == len(choices):
            if _allowed(request, picture, chosen):
                yield chosen
            return
        for option in choices[len(chosen)]:
            if not budget.spend():
                return
            longer = [*chosen, option]
            if _isolated(request, suffixes, longer) and _fit_together(longer, picture):
                yield from extend(longer)

    yield from extend([])


def _isolated(request: Request, suffixes: Sequence[str], chosen: Sequence[Option]) -> bool:
    if request.group_policy != "isolate":
        return True
    own = [option.providers for suffix, option in zip(suffixes, chosen, strict=False) if suffix]
    return len(frozenset[str]().union(*own)) == len(own)


def _fit_together(chosen: Sequence[Option], picture: Picture) -> bool:
    """Say whether what several groups want of the same provider and class can be had at once."""
    if len(chosen) < 2:
        return True
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for option in chosen:
        for provider_id, name, amount in option.pieces:
            totals[provider_id, name] += amount
    rooms = picture.rooms
    return all(
        total <= rooms[name][provider_id].left and total <= rooms[name][provider_id].max_unit
        for (provider_id, name), total in totals.items()
    )


def _allowed(request: Request, picture: Picture, chosen: Sequence[Option]) -> bool:
    if request.flat:
        providers = {piece[0] for option in chosen for piece in option.pieces}
        if len({picture.nodes[each].root_id for each in providers}) < len(providers):
            return False
    by_suffix = dict(zip(request.groups, chosen, strict=True))
    return all(_one_subtree(suffixes, by_suffix, picture) for suffixes in request.same_subtrees)


def _one_subtree(suffixes: frozenset[str], by_suffix: Mapping[str, Option], picture: Picture) -> bool:
    providers = frozenset[str]().union(*(by_suffix[suffix].providers for suffix in suffixes))
    lines = [_ancestors(each, picture) for each in providers]
    return bool(providers.intersection(*lines))


def _ancestors(provider_id: str, picture: Picture) -> set[str]:
    found = set()
    at: str | None = provider_id
    while at is not None:
        found.add(at)
        at = picture.nodes[at].parent_id
    return found


def _candidate(anchor: str, suffixes: Sequence[str], chosen: Sequence[Option]) -> Candidate:
    allocations: dict[str, dict[str, int]] = {}
    for option in chosen:
        for provider_id, name, amount in option.pieces:
            resources = allocations.setdefault(provider_id, {})
            resources[name] = resources.get(name, 0) + amount
    mappings = {suffix: sorted(option.providers) for suffix, option in zip(suffixes, chosen, strict=True)}
    return Candidate(anchor=anchor, allocations=allocations, mappings=mappings)


def _identity(candidate: Candidate) -> object:
    pieces = (
        (provider_id, name, amount)
        for provider_id, resources in candidate.allocations.items()
        for name, amount in resources.items()
    )
    return frozenset(pieces), tuple(sorted((suffix, *ids) for suffix, ids in candidate.mappings.items()))
