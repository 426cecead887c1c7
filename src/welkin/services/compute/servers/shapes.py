"""What requests about servers look like in the newest version."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from welkin.services.compute.fields import (
    Boolean,
    Count,
    Description,
    DiskConfig,
    HostName,
    Metadata,
    Name,
    NameOrNone,
    Tag,
    UserData,
    Uuid,
)

Hints = dict[str, Any]
TrustedCerts = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1, max_length=50)] | None
UUID_PATTERN = r"^([0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12})\Z"
UuidOrNothing = Annotated[str, Meta(pattern=UUID_PATTERN.replace(r"\Z", r"?\Z"))]


class Body(Struct, kw_only=True, forbid_unknown_fields=True):
    """A part of a request in which nothing unknown may stand."""


class NetworkAsked(Body):
    """One network, or one port that exists, that a server shall have."""

    uuid: Uuid | UnsetType = UNSET
    port: Uuid | None = None
    fixed_ip: str | None = None
    tag: Tag | None = None


class Disk(Body):
    """One block device that a server shall have."""

    source_type: Literal["volume", "image", "snapshot", "blank"] | None = None
    destination_type: Literal["local", "volume"] | None = None
    uuid: Annotated[str, Meta(min_length=1, max_length=255, pattern="^[a-zA-Z0-9._-]*$")] | None = None
    image_id: Uuid | None = None
    volume_id: Uuid | None = None
    snapshot_id: Uuid | None = None
    virtual_name: Annotated[str, Meta(max_length=255)] | None = None
    volume_size: int | Annotated[str, Meta(pattern="^[0-9]+$")] | None = None
    device_name: Annotated[str, Meta(min_length=1, max_length=255, pattern="^[a-zA-Z0-9._/-]*$")] | None = None
    delete_on_termination: Boolean | None = None
    no_device: Any = None
    connection_info: str | None = None
    guest_format: Annotated[str, Meta(max_length=255)] | None = None
    device_type: Annotated[str, Meta(max_length=255)] | None = None
    disk_bus: Annotated[str, Meta(max_length=255)] | None = None
    boot_index: int | Annotated[str, Meta(pattern="^-?[0-9]+$")] | None = None
    tag: Tag | None = None
    volume_type: str | None = None


class GroupName(Body):
    """A security group by its name or id."""

    name: Name | UnsetType = UNSET


class ServerToCreate(Body):
    """The server that is asked for."""

    name: Name
    flavorRef: Annotated[str, Meta(min_length=1)] | int  # noqa: N815
    networks: list[NetworkAsked] | Literal["auto", "none"]
    imageRef: UuidOrNothing | UnsetType = UNSET  # noqa: N815
    adminPass: str | UnsetType = UNSET  # noqa: N815
    metadata: Metadata = {}
    disk_config: DiskConfig | UnsetType = field(name="OS-DCF:diskConfig", default=UNSET)
    accessIPv4: str = ""  # noqa: N815
    accessIPv6: str = ""  # noqa: N815
    availability_zone: Name | UnsetType = UNSET
    block_device_mapping: list[dict[str, Any]] = []
    block_device_mapping_v2: list[Disk] = []
    config_drive: Boolean = False
    key_name: Name | UnsetType = UNSET
    min_count: Count = 1
    max_count: Count | UnsetType = UNSET
    return_reservation_id: Boolean = False
    security_groups: list[GroupName] | UnsetType = UNSET
    user_data: UserData | UnsetType = UNSET
    description: Description = None
    hostname: HostName | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(max_length=50)] = []
    trusted_image_certificates: TrustedCerts = None
    host: HostName | UnsetType = UNSET
    hypervisor_hostname: HostName | UnsetType = UNSET


class ServerCreate(Body):
    """POST servers."""

    server: ServerToCreate
    hints: Hints | UnsetType = field(name="os:scheduler_hints", default=UNSET)
    older_hints: Hints | UnsetType = field(name="OS-SCH-HNT:scheduler_hints", default=UNSET)


class KnownHints(Struct):
    """The hints whose form is checked; others may stand beside them."""

    # Ids are checked below: msgspec frees a pattern twice that stands in a union with a list.
    group: str | list[str] | None = None
    different_host: str | list[str] | None = None
    same_host: str | list[str] | None = None
    query: str | dict[str, Any] | None = None
    target_cell: Name | None = None
    different_cell: str | list[str] | None = None
    build_near_host_ip: str | None = None
    cidr: Annotated[str, Meta(pattern="^/[0-9a-f.:]+$")] | None = None


class ServerChanges(Body):
    """What of a server changes; what is left out stays."""

    name: Name | UnsetType = UNSET
    disk_config: DiskConfig | UnsetType = field(name="OS-DCF:diskConfig", default=UNSET)
    accessIPv4: str | UnsetType = UNSET  # noqa: N815
    accessIPv6: str | UnsetType = UNSET  # noqa: N815
    description: Description | UnsetType = UNSET
    hostname: HostName | UnsetType = UNSET
    pinned_availability_zone: NameOrNone | UnsetType = UNSET


class ServerUpdate(Body):
    """PUT servers/{id}."""

    server: ServerChanges


class Rebuild(Body):
    """The action rebuild."""

    imageRef: Uuid  # noqa: N815
    name: Name | UnsetType = UNSET
    adminPass: str | UnsetType = UNSET  # noqa: N815
    metadata: Metadata | UnsetType = UNSET
    preserve_ephemeral: Boolean = False
    disk_config: DiskConfig | UnsetType = field(name="OS-DCF:diskConfig", default=UNSET)
    accessIPv4: str | UnsetType = UNSET  # noqa: N815
    accessIPv6: str | UnsetType = UNSET  # noqa: N815
    description: Description | UnsetType = UNSET
    key_name: NameOrNone | UnsetType = UNSET
    user_data: UserData | UnsetType | None = UNSET
    trusted_image_certificates: TrustedCerts | UnsetType = UNSET
    hostname: HostName | UnsetType = UNSET


class Resize(Body):
    """The action resize."""

    flavorRef: Annotated[str, Meta(min_length=1)] | int  # noqa: N815
    disk_config: DiskConfig | UnsetType = field(name="OS-DCF:diskConfig", default=UNSET)


class Reboot(Body):
    """The action reboot."""

    type: Literal["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]


class Lock(Body):
    """The action lock."""

    locked_reason: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET


class Rescue(Body):
    """The action rescue."""

    adminPass: str | UnsetType = UNSET  # noqa: N815
    rescue_image_ref: Uuid | UnsetType = UNSET


class CreateImage(Body):
    """The action createImage."""

    name: Name
    metadata: Metadata = {}


class CreateBackup(Body):
    """The action createBackup."""

    name: Name
    backup_type: str
    rotation: Annotated[int, Meta(ge=0, le=999_999_999)] | Annotated[str, Meta(min_length=1, pattern=r"^[0-9]{1,9}\Z")]
    metadata: Metadata = {}


class Unshelve(Body):
    """The action unshelve; at least one key stands where there is an object."""

    availability_zone: Name | UnsetType | None = UNSET
    host: HostName | UnsetType = UNSET


class ChangePassword(Body):
    """The action changePassword."""

    adminPass: str  # noqa: N815


class ResetState(Body):
    """The action os-resetState."""

    state: Literal["active", "error"]


class NamedGroup(Body):
    """The actions addSecurityGroup and removeSecurityGroup."""

    name: Name


class ConsoleOutput(Body):
    """The action os-getConsoleOutput."""

    length: int | Annotated[str, Meta(pattern="^-?[0-9]+$")] | None = None


def check_hints(hints: Hints) -> KnownHints:
    """Return the hints that have a form.  Raises msgspec.ValidationError."""
    known = msgspec.convert(hints, KnownHints)
    for name in ("group", "different_host", "same_host"):
        value = getattr(known, name)
        ids = value if isinstance(value, list) else [value] if value is not None and name != "same_host" else []
        for each in ids:
            if re.match(UUID_PATTERN, each) is None:
                raise msgspec.ValidationError(f"Value: {each}. {each!r} is not a 'uuid' - at `$.{name}`")
    return known
