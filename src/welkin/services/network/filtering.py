"""What the security groups of ports let through, in the words of the host: no names, only addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from welkin.core.db import Reads, columns
from welkin.services.network.host import wanted
from welkin.services.network.security_groups.rules import ICMP, number_of
from welkin.services.network.tables import AddressGroupRow, AddressPair, RuleRow

KERNEL_NAMES: Mapping[int, str] = {
    6: "tcp",
    17: "udp",
    1: "icmp",
    58: "icmpv6",
    33: "dccp",
    132: "sctp",
    136: "udplite",
}
"""Protocols that the packet filter knows by name; of the others it gets the number."""


class Filters(msgspec.Struct):
    """The security groups of ports, and all that they refer to."""

    groups: dict[str, list[str]]
    """The groups of each port."""
    stateless: set[str]
    rules: dict[str, list[RuleRow]]
    """The rules of each group."""
    members: dict[str, list[str]]
    """The addresses of the members of each group that is a remote."""
    ranges: dict[str, list[str]]
    """The addresses of each address group."""
    documents: dict[str, tuple[bytes, wanted.Rule]] = msgspec.field(default_factory=dict)
    """Rules as hosts read them, and what tells them apart: ports share groups, and a group's members are many."""

    def rules_of(self, port_id: str) -> list[wanted.Rule]:
        """Return what may pass a port, each thing once."""
        found = [self._known(rule) for group in self.groups.get(port_id, ()) for rule in self.rules.get(group, ())]
        return list(dict(found).values())

    def _known(self, rule: RuleRow) -> tuple[bytes, wanted.Rule]:
        known = self.documents.get(rule.id)
        if known is None:
            document = self._document(rule)
            known = self.documents[rule.id] = msgspec.json.encode(document), document
        return known

    def is_stateful(self, port_id: str) -> bool:
        """Return whether answers pass a port because the question did."""
        return not any(group in self.stateless for group in self.groups.get(port_id, ()))

    def _document(self, rule: RuleRow) -> wanted.Rule:
        number = number_of(rule.protocol, rule.ethertype)
        low, high = rule.port_range_min, rule.port_range_max
        if number is not None and number not in ICMP and low is None and high is not None:
            low = high
        return wanted.Rule(
            direction=cast(Any, rule.direction),
            ethertype=cast(Any, rule.ethertype),
            protocol=None if number is None else KERNEL_NAMES.get(number, str(number)),
            port_min=low,
            port_max=high,
            remote_cidrs=self._remote(rule),
            remote_group=rule.remote_group_id,
        )

    def members_for(self, port_ids: Iterable[str]) -> dict[str, list[str]]:
        """Return the members' addresses of each group that the rules of these ports name."""
        groups = {group for port_id in port_ids for group in self.groups.get(port_id, ())}
        named = {rule.remote_group_id for group in groups for rule in self.rules.get(group, ())}
        return {group: sorted(set(self.members.get(group, ()))) for group in named if group is not None}

    def _remote(self, rule: RuleRow) -> list[str] | None:
        if rule.remote_address_group_id is not None:
            return of_version(self.ranges.get(rule.remote_address_group_id, ()), rule.ethertype)
        return None if rule.remote_ip_prefix is None else [str(ipaddress.ip_interface(rule.remote_ip_prefix).network)]


def of_version(texts: Iterable[str], ethertype: str) -> list[str]:
    """Return the ranges of one version of IP, sorted."""
    found = {ipaddress.ip_network(text, strict=False) for text in texts}
    return [str(each) for each in sorted(each for each in found if f"IPv{each.version}" == ethertype)]


class _Membership(msgspec.Struct):
    """A port in a group."""

    port_id: str
    group_id: str
    stateful: bool


class _Member(msgspec.Struct):
    """An address of a member of a group, and what else the member may use."""

    group_id: str
    address: str
    pairs: list[AddressPair]


async def load_filters(reads: Reads, port_ids: Sequence[str]) -> Filters:
    """Read everything that decides what may pass these ports; five queries for any number of them."""
    found = Filters({}, set(), {}, {}, {})
    if not port_ids:
        return found
    for each in await reads.all(
        _Membership,
        "SELECT m.port_id, g.id, g.stateful FROM port_security_groups AS m JOIN security_groups AS g "
        f"ON g.id = m.security_group_id WHERE m.port_id IN ({_marks(port_ids)}) ORDER BY m.port_id, g.id",
        *port_ids,
    ):
        found.groups.setdefault(each.port_id, []).append(each.group_id)
        if not each.stateful:
            found.stateless.add(each.group_id)
    group_ids = sorted({group for groups in found.groups.values() for group in groups})
    if not group_ids:
        return found
    rules = await reads.all(
        RuleRow,
        f"SELECT {columns(RuleRow)} FROM security_group_rules WHERE security_group_id IN ({_marks(group_ids)}) "
        "ORDER BY created_at, id",
        *group_ids,
    )
    for rule in rules:
        found.rules.setdefault(rule.security_group_id, []).append(rule)
    await _load_members(reads, found, sorted({rule.remote_group_id for rule in rules if rule.remote_group_id}))
    await _load_ranges(
        reads, found, sorted({rule.remote_address_group_id for rule in rules if rule.remote_address_group_id})
    )
    return found


async def _load_members(reads: Reads, found: Filters, group_ids: Sequence[str]) -> None:
    if not group_ids:
        return
    for each in await reads.all(
        _Member,
        "SELECT m.security_group_id, f.address, p.allowed_address_pairs FROM port_security_groups AS m "
        "JOIN ports AS p ON p.id = m.port_id JOIN fixed_ips AS f ON f.port_id = m.port_id "
        f"WHERE m.security_group_id IN ({_marks(group_ids)})",
        *group_ids,
    ):
        known = found.members.setdefault(each.group_id, [])
        known.append(each.address)
        known.extend(pair.ip_address for pair in each.pairs)


async def _load_ranges(reads: Reads, found: Filters, ids: Sequence[str]) -> None:
    if not ids:
        return
    sql = f"SELECT {columns(AddressGroupRow)} FROM address_groups WHERE id IN ({_marks(ids)})"
    for each in await reads.all(AddressGroupRow, sql, *ids):
        found.ranges[each.id] = each.addresses


def _marks(values: Sequence[object]) -> str:
    return ", ".join(f"${index}" for index in range(1, len(values) + 1))
