"""What compute accepts and answers about services."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from welkin.core import times
from welkin.services.compute.services.tables import ServiceRow
from welkin.services.compute.values import HostName, Yes

Text = Annotated[str, Meta(min_length=1, max_length=255)]


class ServiceUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes of a service."""

    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: Text | None = None
    forced_down: Yes | UnsetType = UNSET


class OldUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body that switched a service before 2.53."""

    host: HostName
    binary: Text
    disabled_reason: Text | None = None
    forced_down: Yes | UnsetType = UNSET


class ServiceQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which services are listed."""

    host: str = ""
    binary: str = ""


def view(row: ServiceRow, zone: str, now: float) -> dict[str, Any]:
    """Return a service; the number is for versions before 2.53."""
    return {
        "id": row.id,
        "_number": row.number,
        "binary": row.kind,
        "host": row.host,
        "zone": zone,
        "status": "disabled" if row.disabled else "enabled",
        "state": "up" if row.is_up(now) else "down",
        "updated_at": times.with_micros(row.seen_at),
        "disabled_reason": row.disabled_reason,
        "forced_down": row.forced_down,
    }
