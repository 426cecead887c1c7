"""Images, with whom they are shared, and tasks, as rows."""

from __future__ import annotations

from typing import Any

import msgspec

MIGRATIONS = (
    """
    CREATE TABLE images (
        id               TEXT PRIMARY KEY,
        owner            TEXT,
        name             TEXT,
        visibility       TEXT NOT NULL,
        container_format TEXT,
        disk_format      TEXT,
        min_disk         BIGINT NOT NULL,
        min_ram          BIGINT NOT NULL,
        protected        BOOLEAN NOT NULL,
        os_hidden        BOOLEAN NOT NULL,
        created_at       DOUBLE PRECISION NOT NULL,
        updated_at       DOUBLE PRECISION NOT NULL,
        -- The data; written by intake alone.
        status           TEXT NOT NULL,
        size             BIGINT,
        virtual_size     BIGINT,
        checksum         TEXT,
        os_hash_algo     TEXT,
        os_hash_value    TEXT,
        -- The file that is the data, or the one in staging.
        file             TEXT,
        -- Data that is coming: its file, and until when whoever brings it is believed alive.
        coming           TEXT,
        coming_until     DOUBLE PRECISION,
        -- The host whose agent may bring the data, for images that compute makes.
        bringer          TEXT
    );
    CREATE INDEX images_by_time ON images (created_at, id);
    CREATE INDEX images_by_owner ON images (owner, created_at, id);
    CREATE TABLE image_properties (
        image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        name     TEXT NOT NULL,
        value    TEXT NOT NULL,
        PRIMARY KEY (image_id, name)
    );
    CREATE TABLE image_members (
        image_id   TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        member_id  TEXT NOT NULL,
        status     TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (image_id, member_id)
    );
    CREATE INDEX image_members_by_member ON image_members (member_id, image_id);
    CREATE TABLE image_tasks (
        id         TEXT PRIMARY KEY,
        type       TEXT NOT NULL,
        status     TEXT NOT NULL,
        owner      TEXT,
        image_id   TEXT,
        user_id    TEXT,
        request_id TEXT NOT NULL,
        input      TEXT NOT NULL,
        result     TEXT,
        message    TEXT NOT NULL DEFAULT '',
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        expires_at DOUBLE PRECISION
    );
    CREATE INDEX image_tasks_by_image ON image_tasks (image_id);
    """,
    """
    CREATE TABLE metadef_namespaces (
        namespace    TEXT PRIMARY KEY,
        display_name TEXT,
        description  TEXT,
        visibility   TEXT NOT NULL,
        protected    BOOLEAN NOT NULL,
        owner        TEXT NOT NULL,
        created_at   DOUBLE PRECISION NOT NULL,
        updated_at   DOUBLE PRECISION NOT NULL
    );
    CREATE TABLE metadef_associations (
        namespace  TEXT NOT NULL REFERENCES metadef_namespaces (namespace) ON DELETE CASCADE ON UPDATE CASCADE,
        name       TEXT NOT NULL,
        prefix     TEXT,
        properties_target TEXT,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (namespace, name)
    );
    CREATE TABLE metadef_entries (
        namespace  TEXT NOT NULL REFERENCES metadef_namespaces (namespace) ON DELETE CASCADE ON UPDATE CASCADE,
        kind       TEXT NOT NULL CHECK (kind IN ('object', 'property', 'tag')),
        name       TEXT NOT NULL,
        body       TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (namespace, kind, name)
    );
    """,
)


class ImageRow(msgspec.Struct, frozen=True):
    """An image as stored, without its properties and tags."""

    id: str
    owner: str | None
    name: str | None
    visibility: str
    container_format: str | None
    disk_format: str | None
    min_disk: int
    min_ram: int
    protected: bool
    os_hidden: bool
    created_at: float
    updated_at: float
    status: str
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    file: str | None = None
    coming: str | None = None
    coming_until: float | None = None
    bringer: str | None = None


class MemberRow(msgspec.Struct, frozen=True):
    """A project with which an image is shared; `status` says whether it wants to see it in its lists."""

    image_id: str
    member_id: str
    status: str
    created_at: float
    updated_at: float


class TaskRow(msgspec.Struct, frozen=True):
    """A piece of work on an image: `pending`, `processing`, then `success` or `failure`."""

    id: str
    type: str
    status: str
    owner: str | None
    image_id: str | None
    user_id: str | None
    request_id: str
    input: dict[str, Any]
    result: dict[str, Any] | None
    message: str
    created_at: float
    updated_at: float
    expires_at: float | None


class NamespaceRow(msgspec.Struct, frozen=True):
    """A set of definitions of metadata."""

    namespace: str
    display_name: str | None
    description: str | None
    visibility: str
    protected: bool
    owner: str
    created_at: float
    updated_at: float


class AssociationRow(msgspec.Struct, frozen=True):
    """A kind of resource that a namespace's definitions are for."""

    namespace: str
    name: str
    prefix: str | None
    properties_target: str | None
    created_at: float
    updated_at: float


class EntryRow(msgspec.Struct, frozen=True):
    """A definition: an object, a property or a tag; `body` is the rest of what the client wrote."""

    namespace: str
    kind: str
    name: str
    body: dict[str, Any]
    created_at: float
    updated_at: float
