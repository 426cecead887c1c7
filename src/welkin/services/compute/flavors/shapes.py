"""What compute accepts and answers about flavors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from welkin.core.http import Call
from welkin.services.compute.flavors.tables import FlavorRow
from welkin.services.compute.links import links
from welkin.services.compute.values import Limit, MetadataKey, Name, ProjectId, Whole, Yes

FlavorId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?! )[a-zA-Z0-9. _-]+(?<! )\Z")]
Description = Annotated[str, Meta(max_length=65535, pattern=r"^[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]*\Z")]
Factor = float | Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?\Z")]
SpecValue = Annotated[str, Meta(max_length=255)] | int | float
Specs = dict[MetadataKey, SpecValue]


class NewFlavor(Struct, kw_only=True, forbid_unknown_fields=True):
    """A flavor to make."""

    name: Name
    id: FlavorId | int | float | None = None
    ram: Whole
    vcpus: Whole
    disk: Whole
    ephemeral: Whole = field(name="OS-FLV-EXT-DATA:ephemeral", default=0)
    swap: Whole = 0
    is_public: Yes = field(name="os-flavor-access:is_public", default=True)
    description: Description | None = None


class FlavorCreate(Struct, forbid_unknown_fields=True):
    """The body that makes a flavor."""

    flavor: NewFlavor


class OldFlavor(NewFlavor, kw_only=True, forbid_unknown_fields=True):
    """A flavor to make, from when flavors still had a factor for their network."""

    rxtx_factor: Factor = 1.0


class OldFlavorCreate(Struct, forbid_unknown_fields=True):
    """The body that made a flavor before 2.102."""

    flavor: OldFlavor


class FlavorChange(Struct, forbid_unknown_fields=True):
    """What can be changed of a flavor."""

    description: Description | None


class FlavorUpdate(Struct, forbid_unknown_fields=True):
    """The body that changes a flavor."""

    flavor: FlavorChange


SortKey = Literal[
    "created_at",
    "description",
    "disabled",
    "ephemeral_gb",
    "flavorid",
    "id",
    "is_public",
    "memory_mb",
    "name",
    "root_gb",
    "_rxtx_factor",
    "swap",
    "updated_at",
    "vcpu_weight",
    "vcpus",
]


class FlavorQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How flavors are listed."""

    limit: Limit | None = None
    marker: str | None = None
    is_public: str | None = None
    min_ram: str | None = field(name="minRam", default=None)
    min_disk: str | None = field(name="minDisk", default=None)
    sort_key: SortKey = "flavorid"
    sort_dir: Literal["asc", "desc"] = "asc"
    name: str | None = None


class SpecsCreate(Struct, forbid_unknown_fields=True):
    """The body that adds extra specs."""

    extra_specs: Specs


class Access(Struct, forbid_unknown_fields=True):
    """The project whose access is meant."""

    tenant: ProjectId


def brief(call: Call, row: FlavorRow) -> dict[str, Any]:
    """Return a flavor as the short list has it."""
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "links": links(call, "flavors", row.id),
    }


def full(call: Call, row: FlavorRow, *, specs: bool) -> dict[str, Any]:
    """Return a flavor with everything; the factor is for versions before 2.102."""
    flavor = {
        **brief(call, row),
        "ram": row.ram_mib,
        "disk": row.disk_gib,
        "vcpus": row.vcpus,
        "swap": row.swap_mib,
        "OS-FLV-EXT-DATA:ephemeral": row.ephemeral_gib,
        "os-flavor-access:is_public": row.is_public,
        "_rxtx_factor": row.rxtx_factor,
    }
    if specs:
        flavor["extra_specs"] = row.extra_specs
    return flavor
