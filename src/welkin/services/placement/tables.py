"""Providers, what they have, and who uses it, as rows."""

from __future__ import annotations

import msgspec

MIGRATIONS = (
    """
    CREATE TABLE resource_providers (
        id         TEXT PRIMARY KEY,
        name       TEXT NOT NULL UNIQUE,
        generation BIGINT NOT NULL DEFAULT 0,
        parent_id  TEXT REFERENCES resource_providers (id),
        root_id    TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX resource_providers_by_root ON resource_providers (root_id);
    CREATE INDEX resource_providers_by_parent ON resource_providers (parent_id);
    CREATE TABLE resource_inventories (
        provider_id TEXT NOT NULL REFERENCES resource_providers (id),
        resource_class TEXT NOT NULL,
        total       BIGINT NOT NULL,
        reserved    BIGINT NOT NULL,
        min_unit    BIGINT NOT NULL,
        max_unit    BIGINT NOT NULL,
        step_size   BIGINT NOT NULL,
        allocation_ratio DOUBLE PRECISION NOT NULL,
        -- What the columns above allow; written with them.
        capacity    BIGINT NOT NULL,
        -- The sum of the allocations; written by allocations alone, and always summed anew.
        used        BIGINT NOT NULL DEFAULT 0,
        updated_at  DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (provider_id, resource_class)
    );
    CREATE TABLE resource_provider_traits (
        provider_id TEXT NOT NULL REFERENCES resource_providers (id),
        trait       TEXT NOT NULL,
        PRIMARY KEY (provider_id, trait)
    );
    CREATE INDEX resource_provider_traits_by_trait ON resource_provider_traits (trait, provider_id);
    CREATE TABLE resource_provider_aggregates (
        provider_id TEXT NOT NULL REFERENCES resource_providers (id),
        aggregate   TEXT NOT NULL,
        PRIMARY KEY (provider_id, aggregate)
    );
    CREATE INDEX resource_provider_aggregates_by_aggregate ON resource_provider_aggregates (aggregate, provider_id);
    CREATE TABLE resource_names (
        kind       TEXT NOT NULL CHECK (kind IN ('trait', 'class')),
        name       TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (kind, name)
    );
    CREATE TABLE resource_consumers (
        id         TEXT PRIMARY KEY,
        generation BIGINT NOT NULL DEFAULT 0,
        project_id TEXT NOT NULL,
        user_id    TEXT NOT NULL,
        type       TEXT
    );
    CREATE INDEX resource_consumers_by_project ON resource_consumers (project_id, user_id);
    CREATE TABLE resource_allocations (
        consumer_id TEXT NOT NULL REFERENCES resource_consumers (id),
        provider_id TEXT NOT NULL REFERENCES resource_providers (id),
        resource_class TEXT NOT NULL,
        amount      BIGINT NOT NULL CHECK (amount > 0),
        created_at  DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (consumer_id, provider_id, resource_class)
    );
    CREATE INDEX resource_allocations_by_provider ON resource_allocations (provider_id, resource_class, amount);
    """,
)


class Provider(msgspec.Struct, frozen=True):
    """Something that has resources; `root_id` is the top of its tree, itself where it has no parent."""

    id: str
    name: str
    generation: int
    parent_id: str | None
    root_id: str
    created_at: float
    updated_at: float


class InventoryRow(msgspec.Struct, frozen=True):
    """How much a provider has of one class, and how it may be cut."""

    provider_id: str
    resource_class: str
    total: int
    reserved: int
    min_unit: int
    max_unit: int
    step_size: int
    allocation_ratio: float
    capacity: int
    used: int
    updated_at: float


class Consumer(msgspec.Struct, frozen=True):
    """Whoever uses resources, such as a server; `type` is None for one from before types."""

    id: str
    generation: int
    project_id: str
    user_id: str
    type: str | None


class AllocationRow(msgspec.Struct, frozen=True):
    """So much of one class of one provider, used by a consumer."""

    consumer_id: str
    provider_id: str
    resource_class: str
    amount: int
    created_at: float
