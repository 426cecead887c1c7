"""What compute accepts and answers about aggregates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from welkin.core import times
from welkin.services.compute.aggregates.tables import AggregateRow
from welkin.services.compute.values import AnyName, HostName, MetadataKey, MetadataValue, Name, ZoneName


class NewAggregate(Struct, kw_only=True, forbid_unknown_fields=True):
    """An aggregate to make."""

    name: Name
    availability_zone: ZoneName | None = None


class AggregateCreate(Struct, forbid_unknown_fields=True):
    """The body that makes an aggregate."""

    aggregate: NewAggregate


class AggregateChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of an aggregate."""

    name: AnyName | UnsetType = UNSET
    availability_zone: ZoneName | UnsetType | None = UNSET


class AggregateUpdate(Struct, forbid_unknown_fields=True):
    """The body that changes an aggregate."""

    aggregate: AggregateChange


class HostChange(Struct, forbid_unknown_fields=True):
    """The host that comes or goes."""

    host: HostName


class MetadataChange(Struct, forbid_unknown_fields=True):
    """Metadata to set, and with null to take away."""

    metadata: dict[MetadataKey, MetadataValue | None]


def brief(row: AggregateRow) -> dict[str, Any]:
    """Return an aggregate as the answer to its making has it."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "name": row.name,
        "availability_zone": row.zone,
        "created_at": times.with_micros(int(row.created_at)),
        "updated_at": None if row.updated_at is None else times.with_micros(int(row.updated_at)),
        "deleted": False,
        "deleted_at": None,
    }


def full(row: AggregateRow, hosts: Sequence[str]) -> dict[str, Any]:
    """Return an aggregate with everything."""
    return {**brief(row), "hosts": list(hosts), "metadata": row.metadata}
