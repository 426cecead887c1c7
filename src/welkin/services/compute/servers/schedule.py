"""Which host takes a server.  Pure: the same hosts and the same wish give the same answer.

Filters run one after the other and each counts what it takes away, so that a server that
fits nowhere can say why, and what the smallest change is that would make it fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from welkin.services.compute.servers.tables import FlavorCopy
from welkin.services.compute.values import is_number

TOLD_MAX = 20
"""How many hosts an event tells of, the best first."""
UNITS = {"VCPU": "VCPUs", "MEMORY_MB": "MiB of memory", "DISK_GB": "GiB of disk"}


class HostState(Struct, frozen=True, kw_only=True):
    """A host as the scheduler sees it."""

    name: str
    up: bool = True
    enabled: bool = True
    zone: str = "nova"
    aggregates: tuple[Mapping[str, str], ...] = ()
    """The metadata of each aggregate that the host is in."""
    free: Mapping[str, int] = {}
    """What is left of each resource class, overcommitment counted in."""
    architecture: str = ""
    traits: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    """The ids of the servers that it has, of those that the wish speaks of."""
    count: int = 0
    """How many servers it has."""


class Group(Struct, frozen=True, kw_only=True):
    """A server group: its policy, and where its members are."""

    policy: str
    hosts: Mapping[str, int] = {}
    """How many members each host has."""
    max_server_per_host: int = 1


class Wish(Struct, frozen=True, kw_only=True):
    """What is asked of a host."""

    resources: Mapping[str, int]
    extra_specs: Mapping[str, str] = {}
    image_properties: Mapping[str, str] = {}
    project_id: str = ""
    zone: str | None = None
    host: str | None = None
    force_host: bool = False
    """Whether the named host is taken without any other question."""
    same_host: frozenset[str] = frozenset()
    different_host: frozenset[str] = frozenset()
    group: Group | None = None
    not_on: frozenset[str] = frozenset()
    """Hosts that failed before, or that it shall leave."""


class Count(Struct, frozen=True):
    """How many hosts came to a filter, and how many it let pass."""

    filter: str
    before: int
    after: int


class Choice(Struct, frozen=True):
    """The hosts that would do, best first, and what each filter took away."""

    hosts: tuple[str, ...]
    counts: tuple[Count, ...]
    refused: Mapping[str, str] = {}
    """For each host that would not do, the filter that said so."""
    free: Mapping[str, Mapping[str, int]] = {}
    """What was left of each resource on each host: what hosts are weighed by."""
    advice: str = ""


Filter = Callable[[HostState, Wish], bool]


def disk_gib_of(flavor: FlavorCopy) -> int:
    """Return what all disks of a server of this size take together."""
    return flavor.disk_gib + flavor.ephemeral_gib + -(-flavor.swap_mib // 1024)


def resources_of(flavor: FlavorCopy) -> dict[str, int]:
    """Return what a server of this size takes; `resources:CLASS` in the flavor overrides."""
    amounts = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.ram_mib, "DISK_GB": disk_gib_of(flavor)}
    for name, value in flavor.extra_specs.items():
        if name.startswith("resources:") and is_number(value):
            amounts[name.removeprefix("resources:")] = int(value)
    return {name: amount for name, amount in amounts.items() if amount > 0}


def choose(wish: Wish, hosts: Sequence[HostState]) -> Choice:
    """Return which hosts would do, best first."""
    left, counts = list(hosts), []
    refused: dict[str, str] = {}
    for name, passes in FORCED if wish.force_host else FILTERS:
        after = [host for host in left if passes(host, wish)]
        passed = {host.name for host in after}
        refused |= {host.name: name for host in left if host.name not in passed}
        counts.append(Count(name, len(left), len(after)))
        left = after
        if not left:
            break
    ranked = sorted(left, key=lambda host: (*weigh(host, wish), host.name))
    advice = "" if left else advise(wish, hosts)
    free = {host.name: host.free for host in hosts[:TOLD_MAX]}
    return Choice(tuple(host.name for host in ranked), tuple(counts), refused, free, advice)


def weigh(host: HostState, wish: Wish) -> tuple[float, ...]:
    """Return an order among hosts that would do: soft wishes first, then the emptiest."""
    soft = 0
    if wish.group is not None:
        members = wish.group.hosts.get(host.name, 0)
        soft = {"soft-affinity": -members, "soft-anti-affinity": members}.get(wish.group.policy, 0)
    return (
        soft,
        -host.free.get("MEMORY_MB", 0),
        -host.free.get("VCPU", 0),
        -host.free.get("DISK_GB", 0),
        host.count,
    )


def explain(choice: Choice) -> str:
    """Return why no host would do, in a sentence."""
    steps = ", ".join(f"{each.filter} left {each.after} of {each.before}" for each in choice.counts)
    text = f"No valid host was found. {steps or 'There are no hosts'}."
    return f"{text} {choice.advice}" if choice.advice else text


def advise(wish: Wish, hosts: Sequence[HostState]) -> str:
    """Return the smallest change that would make it fit: the host that lacks the least."""
    if not hosts:
        return "No compute host has joined yet."
    lacks = []
    for host in hosts:
        others = [name for name, passes in FILTERS if name != "Resources" and not passes(host, wish)]
        short = {name: amount - host.free.get(name, 0) for name, amount in wish.resources.items()}
        short = {name: amount for name, amount in short.items() if amount > 0}
        share = sum(amount / max(1, wish.resources[name]) for name, amount in short.items())
        lacks.append((len(others), share, host.name, short, others))
    _, _, _, short, others = min(lacks, key=lambda each: each[:3])
    missing = [f"{amount} {UNITS.get(resource, resource)} less" for resource, amount in sorted(short.items())]
    if missing and not others:
        return f"With {' and '.join(missing)} it would fit."
    if others and not missing:
        return f"A host would do but for {' and '.join(others)}."
    return ""


def _up(host: HostState, _wish: Wish) -> bool:
    return host.up


def _enabled(host: HostState, _wish: Wish) -> bool:
    return host.enabled


def _not_tried(host: HostState, wish: Wish) -> bool:
    return host.name not in wish.not_on


def _named(host: HostState, wish: Wish) -> bool:
    return wish.host is None or host.name == wish.host


def _zone(host: HostState, wish: Wish) -> bool:
    return wish.zone is None or host.zone == wish.zone


def _resources(host: HostState, wish: Wish) -> bool:
    return all(host.free.get(name, 0) >= amount for name, amount in wish.resources.items())


def _same_host(host: HostState, wish: Wish) -> bool:
    return not wish.same_host or bool(host.servers & wish.same_host)


def _different_host(host: HostState, wish: Wish) -> bool:
    return not host.servers & wish.different_host


def _affinity(host: HostState, wish: Wish) -> bool:
    group = wish.group
    if group is None or group.policy != "affinity" or not group.hosts:
        return True
    return host.name in group.hosts


def _anti_affinity(host: HostState, wish: Wish) -> bool:
    group = wish.group
    if group is None or group.policy != "anti-affinity":
        return True
    return group.hosts.get(host.name, 0) < group.max_server_per_host


def _image(host: HostState, wish: Wish) -> bool:
    asked = wish.image_properties.get("hw_architecture") or wish.image_properties.get("architecture")
    return not asked or not host.architecture or asked == host.architecture


def _traits(host: HostState, wish: Wish) -> bool:
    for name, value in (*wish.extra_specs.items(), *wish.image_properties.items()):
        if name.startswith("trait:"):
            has = name.removeprefix("trait:") in host.traits
            if (value == "required" and not has) or (value == "forbidden" and has):
                return False
    return True


def _aggregates(host: HostState, wish: Wish) -> bool:
    """Demand every `aggregate_instance_extra_specs:` of the flavor from the host's aggregates."""
    prefix = "aggregate_instance_extra_specs:"
    for name, value in wish.extra_specs.items():
        if name.startswith(prefix):
            offered = {each.get(name.removeprefix(prefix)) for each in host.aggregates}
            if value not in offered:
                return False
    return True


def _tenants(host: HostState, wish: Wish) -> bool:
    """Keep others away from hosts whose aggregate is for some projects."""
    allowed = [
        {project.strip() for project in each["filter_tenant_id"].split(",")}
        for each in host.aggregates
        if each.get("filter_tenant_id")
    ]
    return not allowed or any(wish.project_id in projects for projects in allowed)


FORCED: tuple[tuple[str, Filter], ...] = (("NamedHost", _named),)
FILTERS: tuple[tuple[str, Filter], ...] = (
    ("Up", _up),
    ("Enabled", _enabled),
    ("NotTried", _not_tried),
    ("NamedHost", _named),
    ("AvailabilityZone", _zone),
    ("SameHost", _same_host),
    ("DifferentHost", _different_host),
    ("ServerGroupAffinity", _affinity),
    ("ServerGroupAntiAffinity", _anti_affinity),
    ("ImageProperties", _image),
    ("Traits", _traits),
    ("AggregateExtraSpecs", _aggregates),
    ("AggregateTenants", _tenants),
    ("Resources", _resources),
)


def facts_of(choice: Choice) -> dict[str, Any]:
    """Return what an event says of a choice."""
    names = [*choice.hosts, *choice.refused][:TOLD_MAX]
    return {
        "hosts": [
            {"host": name, "refused_by": choice.refused.get(name, ""), "free": choice.free.get(name, {})}
            for name in names
        ],
        "filters": [{"name": each.filter, "before": each.before, "after": each.after} for each in choice.counts],
        "smallest_change": choice.advice,
    }
