"""Servers as rows: what was asked for, where it was placed, what was seen.

One column has one writer.  What was asked for is written by requests.  `vm_state`,
`task_state` and what goes with them are written by `transitions`, from a request, a
report or a deadline alike.  What was seen is written by reports.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from welkin.core.quota import UNLIMITED, Resource
from welkin.services.compute.host.wanted import WantedPower

SERVERS = """
    CREATE TABLE servers (
        id                TEXT PRIMARY KEY,
        reservation_id    TEXT NOT NULL,
        launch_index      BIGINT NOT NULL,
        project_id        TEXT NOT NULL,
        user_id           TEXT NOT NULL,
        created_at        DOUBLE PRECISION NOT NULL,
        updated_at        DOUBLE PRECISION NOT NULL,
        -- Asked for.
        name              TEXT NOT NULL,
        hostname          TEXT NOT NULL,
        flavor_id         TEXT NOT NULL,
        flavor            TEXT NOT NULL,
        vcpus             BIGINT NOT NULL,
        ram_mib           BIGINT NOT NULL,
        description       TEXT,
        access_ip_v4      TEXT NOT NULL DEFAULT '',
        access_ip_v6      TEXT NOT NULL DEFAULT '',
        disk_config       TEXT NOT NULL DEFAULT 'MANUAL',
        image_id          TEXT NOT NULL DEFAULT '',
        image             TEXT,
        key_name          TEXT,
        key               TEXT,
        user_data         TEXT,
        config_drive      BOOLEAN NOT NULL DEFAULT FALSE,
        metadata          TEXT NOT NULL DEFAULT '{}',
        hints             TEXT NOT NULL DEFAULT '{}',
        availability_zone TEXT,
        wanted_host       TEXT,
        force_host        BOOLEAN NOT NULL DEFAULT FALSE,
        trusted_certs     TEXT,
        admin_password    TEXT,
        guest_password    TEXT,
        locked_by         TEXT,
        locked_reason     TEXT,
        power             TEXT NOT NULL DEFAULT 'running',
        present           BOOLEAN NOT NULL DEFAULT TRUE,
        disk_epoch        BIGINT NOT NULL DEFAULT 1,
        boot_epoch        BIGINT NOT NULL DEFAULT 1,
        soft_reboots      BIGINT NOT NULL DEFAULT 0,
        rescue_epoch      BIGINT NOT NULL DEFAULT 0,
        rescue_image      TEXT,
        rescue_password   TEXT,
        snapshots         TEXT NOT NULL DEFAULT '[]',
        resize            TEXT,
        shelved_image_id  TEXT,
        disk_image        TEXT,
        -- Where it is; written when it is scheduled and when it leaves its host.
        host              TEXT,
        zone              TEXT,
        -- Its state; written by transitions.
        vm_state          TEXT NOT NULL,
        task_state        TEXT,
        deadline          DOUBLE PRECISION,
        action_id         TEXT,
        fault             TEXT,
        launched_at       DOUBLE PRECISION,
        terminated_at     DOUBLE PRECISION,
        deleted           BOOLEAN NOT NULL DEFAULT FALSE,
        -- Seen; written by reports.
        power_state       BIGINT NOT NULL DEFAULT 0,
        progress          BIGINT NOT NULL DEFAULT 0,
        seen              TEXT
    );
    CREATE INDEX servers_by_project ON servers (project_id, deleted, created_at, id);
    CREATE INDEX servers_by_time ON servers (deleted, created_at, id);
    CREATE INDEX servers_by_host ON servers (host, deleted);
    CREATE INDEX servers_by_change ON servers (updated_at);
    CREATE INDEX servers_by_reservation ON servers (reservation_id);
    CREATE TABLE server_nics (
        server_id TEXT NOT NULL,
        port_id   TEXT NOT NULL,
        position  BIGINT NOT NULL,
        tag       TEXT,
        PRIMARY KEY (server_id, port_id)
    );
    CREATE UNIQUE INDEX server_nics_by_port ON server_nics (port_id);
    CREATE TABLE server_actions (
        id         TEXT PRIMARY KEY,
        server_id  TEXT NOT NULL,
        action     TEXT NOT NULL,
        request_id TEXT NOT NULL,
        user_id    TEXT NOT NULL,
        project_id TEXT NOT NULL,
        start_time DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        message    TEXT
    );
    CREATE INDEX server_actions_by_server ON server_actions (server_id, start_time);
    CREATE TABLE server_action_events (
        id          TEXT PRIMARY KEY,
        action_id   TEXT NOT NULL,
        event       TEXT NOT NULL,
        start_time  DOUBLE PRECISION NOT NULL,
        finish_time DOUBLE PRECISION,
        result      TEXT,
        traceback   TEXT,
        host        TEXT,
        details     TEXT
    );
    CREATE INDEX server_action_events_by_action ON server_action_events (action_id, start_time);
    CREATE TABLE console_tokens (
        token_hash TEXT PRIMARY KEY,
        server_id  TEXT NOT NULL,
        host       TEXT NOT NULL,
        protocol   TEXT NOT NULL,
        type       TEXT NOT NULL,
        expires_at DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX console_tokens_by_time ON console_tokens (expires_at);
"""

KIND = "compute.server"
"""What work, host items, tags and events of servers are called."""

DISK_SIZES = """
    ALTER TABLE servers ADD COLUMN disk_gib BIGINT NOT NULL DEFAULT 0;
"""
OF_PROJECT = "FROM servers WHERE project_id = $1 AND NOT deleted"
INSTANCES = Resource("compute", "instances", 10, f"SELECT COUNT(*) {OF_PROJECT}", "servers", unregistered=0)
CORES = Resource("compute", "cores", 20, f"SELECT COALESCE(SUM(vcpus), 0) {OF_PROJECT}", "class:VCPU")
RAM = Resource("compute", "ram", 51_200, f"SELECT COALESCE(SUM(ram_mib), 0) {OF_PROJECT}", "class:MEMORY_MB")
DISK = Resource("compute", "disk", UNLIMITED, f"SELECT COALESCE(SUM(disk_gib), 0) {OF_PROJECT}", "class:DISK_GB")
"""Only unified limits know this one."""
METADATA_ITEMS = Resource("compute", "metadata_items", 128, unified="server_metadata_items")

VmState = Literal[
    "building",
    "active",
    "stopped",
    "paused",
    "suspended",
    "rescued",
    "resized",
    "shelved",
    "shelved_offloaded",
    "soft-delete",
    "deleted",
    "error",
]


class FlavorCopy(Struct, frozen=True, kw_only=True):
    """A flavor as it was when the server was made or resized."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    ephemeral_gib: int = 0
    swap_mib: int = 0
    extra_specs: dict[str, str] = {}


class ImageCopy(Struct, frozen=True, kw_only=True):
    """An image as it was when the server was made or rebuilt."""

    id: str
    format: str
    size_bytes: int
    hash_algorithm: str = ""
    hash: str = ""
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    properties: dict[str, str] = {}


class KeyCopy(Struct, frozen=True, kw_only=True):
    """A key pair as it was when the server was made or rebuilt."""

    name: str
    public_key: str
    type: str = "ssh"


class Fault(Struct, frozen=True, kw_only=True):
    """Why a server failed, in the words that its owner may read; `details` are for operators."""

    code: int
    message: str
    created_at: float
    details: str = ""


class SnapshotWanted(Struct, frozen=True, kw_only=True):
    """A copy of the root disk into an image that is under way."""

    image_id: str
    format: Literal["qcow2", "raw"] = "qcow2"
    backup_type: str | None = None
    rotation: int = 0


class ResizeWanted(Struct, frozen=True, kw_only=True):
    """What a resize can go back to."""

    flavor: FlavorCopy
    vm_state: str


class ServerRow(Struct):
    """A server as stored; the fields are the columns, in the table's order."""

    id: str
    reservation_id: str
    launch_index: int
    project_id: str
    user_id: str
    created_at: float
    updated_at: float
    name: str
    hostname: str
    flavor_id: str
    flavor: FlavorCopy
    vcpus: int
    ram_mib: int
    description: str | None = None
    access_ip_v4: str = ""
    access_ip_v6: str = ""
    disk_config: str = "MANUAL"
    image_id: str = ""
    image: ImageCopy | None = None
    key_name: str | None = None
    key: KeyCopy | None = None
    user_data: str | None = None
    config_drive: bool = False
    metadata: dict[str, str] = {}
    hints: dict[str, object] = {}
    availability_zone: str | None = None
    wanted_host: str | None = None
    force_host: bool = False
    trusted_certs: list[str] | None = None
    admin_password: str | None = None
    guest_password: str | None = None
    locked_by: str | None = None
    locked_reason: str | None = None
    power: WantedPower = "running"
    present: bool = True
    disk_epoch: int = 1
    boot_epoch: int = 1
    soft_reboots: int = 0
    rescue_epoch: int = 0
    rescue_image: ImageCopy | None = None
    rescue_password: str | None = None
    snapshots: list[SnapshotWanted] = []
    resize: ResizeWanted | None = None
    shelved_image_id: str | None = None
    disk_image: ImageCopy | None = None
    """What the disk is made from where that is not the server's image: the copy that shelving made."""
    host: str | None = None
    zone: str | None = None
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    deadline: float | None = None
    action_id: str | None = None
    fault: Fault | None = None
    launched_at: float | None = None
    terminated_at: float | None = None
    deleted: bool = False
    power_state: int = 0
    progress: int = 0
    seen: dict[str, object] | None = None
    disk_gib: int = 0
    """All disks of its flavor together."""


class NicRow(Struct, frozen=True):
    """A port of a server: when it came, and by what tag its guest knows it."""

    server_id: str
    port_id: str
    position: int
    tag: str | None
