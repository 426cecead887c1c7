"""The tables of identity.  Every column has one writer: the resource of the same name."""

from __future__ import annotations

RESOURCES = """
    -- A domain is a project with is_domain; the domain_id of a domain is ''.
    CREATE TABLE identity_projects (
        id          TEXT PRIMARY KEY,
        name        TEXT NOT NULL,
        domain_id   TEXT NOT NULL,
        parent_id   TEXT,
        is_domain   BOOLEAN NOT NULL,
        description TEXT NOT NULL,
        enabled     BOOLEAN NOT NULL,
        options     TEXT NOT NULL,
        extra       TEXT NOT NULL,
        UNIQUE (domain_id, name)
    );
    CREATE INDEX identity_projects_by_parent ON identity_projects (parent_id);
    CREATE TABLE identity_users (
        id                 TEXT PRIMARY KEY,
        name               TEXT NOT NULL,
        domain_id          TEXT NOT NULL,
        enabled            BOOLEAN NOT NULL,
        default_project_id TEXT,
        options            TEXT NOT NULL,
        extra              TEXT NOT NULL,
        created_at         DOUBLE PRECISION NOT NULL,
        -- Written when the user authenticates.
        last_active_at     DOUBLE PRECISION,
        failures           BIGINT NOT NULL DEFAULT 0,
        failed_at          DOUBLE PRECISION,
        UNIQUE (domain_id, name)
    );
    -- A user's passwords; the newest is the one in force, the others are the history.
    CREATE TABLE identity_passwords (
        id           TEXT PRIMARY KEY,
        user_id      TEXT NOT NULL,
        hash         TEXT NOT NULL,
        created_at   DOUBLE PRECISION NOT NULL,
        expires_at   DOUBLE PRECISION,
        self_service BOOLEAN NOT NULL
    );
    CREATE INDEX identity_passwords_by_user ON identity_passwords (user_id, created_at);
    CREATE TABLE identity_groups (
        id          TEXT PRIMARY KEY,
        name        TEXT NOT NULL,
        domain_id   TEXT NOT NULL,
        description TEXT NOT NULL,
        extra       TEXT NOT NULL,
        UNIQUE (domain_id, name)
    );
    CREATE TABLE identity_members (
        group_id TEXT NOT NULL,
        user_id  TEXT NOT NULL,
        PRIMARY KEY (group_id, user_id)
    );
    CREATE INDEX identity_members_by_user ON identity_members (user_id);
"""

ROLES = """
    -- The domain_id of a role that is not a domain's own is ''.
    CREATE TABLE identity_roles (
        id          TEXT PRIMARY KEY,
        name        TEXT NOT NULL,
        domain_id   TEXT NOT NULL,
        description TEXT,
        options     TEXT NOT NULL,
        extra       TEXT NOT NULL,
        UNIQUE (domain_id, name)
    );
    CREATE TABLE identity_inferences (
        prior_id   TEXT NOT NULL,
        implied_id TEXT NOT NULL,
        PRIMARY KEY (prior_id, implied_id)
    );
    -- The target_id of the system is 'system'.
    CREATE TABLE identity_assignments (
        actor_kind  TEXT NOT NULL CHECK (actor_kind IN ('user', 'group')),
        actor_id    TEXT NOT NULL,
        target_kind TEXT NOT NULL CHECK (target_kind IN ('project', 'domain', 'system')),
        target_id   TEXT NOT NULL,
        role_id     TEXT NOT NULL,
        inherited   BOOLEAN NOT NULL,
        PRIMARY KEY (actor_id, target_id, role_id, inherited, actor_kind, target_kind)
    );
    CREATE INDEX identity_assignments_by_target ON identity_assignments (target_id);
    CREATE INDEX identity_assignments_by_role ON identity_assignments (role_id);
"""

CATALOG = """
    CREATE TABLE identity_regions (
        id               TEXT PRIMARY KEY,
        description      TEXT NOT NULL,
        parent_region_id TEXT,
        extra            TEXT NOT NULL
    );
    CREATE TABLE identity_services (
        id          TEXT PRIMARY KEY,
        type        TEXT NOT NULL,
        name        TEXT,
        description TEXT,
        enabled     BOOLEAN NOT NULL,
        extra       TEXT NOT NULL
    );
    -- A url that starts with a slash is served by this cloud, at whatever host the client used.
    CREATE TABLE identity_endpoints (
        id         TEXT PRIMARY KEY,
        service_id TEXT NOT NULL,
        region_id  TEXT,
        interface  TEXT NOT NULL,
        url        TEXT NOT NULL,
        enabled    BOOLEAN NOT NULL,
        extra      TEXT NOT NULL
    );
    CREATE INDEX identity_endpoints_by_service ON identity_endpoints (service_id);
"""

CREDENTIALS = """
    CREATE TABLE identity_credentials (
        id         TEXT PRIMARY KEY,
        user_id    TEXT NOT NULL,
        project_id TEXT,
        type       TEXT NOT NULL,
        blob       TEXT NOT NULL,  -- encrypted
        extra      TEXT NOT NULL
    );
    CREATE INDEX identity_credentials_by_user ON identity_credentials (user_id);
    CREATE TABLE identity_application_credentials (
        id           TEXT PRIMARY KEY,
        name         TEXT NOT NULL,
        description  TEXT,
        user_id      TEXT NOT NULL,
        project_id   TEXT NOT NULL,
        secret_hash  TEXT NOT NULL,
        expires_at   DOUBLE PRECISION,
        unrestricted BOOLEAN NOT NULL,
        role_ids     TEXT NOT NULL,
        rule_ids     TEXT,
        UNIQUE (user_id, name)
    );
    CREATE TABLE identity_access_rules (
        id      TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        service TEXT NOT NULL,
        method  TEXT NOT NULL,
        path    TEXT NOT NULL,
        UNIQUE (user_id, service, method, path)
    );
    CREATE TABLE identity_trusts (
        id                    TEXT PRIMARY KEY,
        trustor_user_id       TEXT NOT NULL,
        trustee_user_id       TEXT NOT NULL,
        project_id            TEXT,
        impersonation         BOOLEAN NOT NULL,
        expires_at            DOUBLE PRECISION,
        remaining_uses        BIGINT,
        redelegated_trust_id  TEXT,
        redelegation_count    BIGINT NOT NULL,
        role_ids              TEXT NOT NULL,
        extra                 TEXT NOT NULL
    );
"""

LIMITS = """
    CREATE TABLE identity_registered_limits (
        id            TEXT PRIMARY KEY,
        service_id    TEXT NOT NULL,
        region_id     TEXT NOT NULL,  -- '' for every region
        resource_name TEXT NOT NULL,
        default_limit BIGINT NOT NULL,
        description   TEXT,
        UNIQUE (service_id, region_id, resource_name)
    );
    CREATE TABLE identity_limits (
        id                  TEXT PRIMARY KEY,
        registered_limit_id TEXT NOT NULL,
        owner_id            TEXT NOT NULL,  -- the project or the domain
        is_domain           BOOLEAN NOT NULL,
        resource_limit      BIGINT NOT NULL,
        description         TEXT,
        UNIQUE (registered_limit_id, owner_id)
    );
    CREATE TABLE identity_policies (
        id    TEXT PRIMARY KEY,
        type  TEXT NOT NULL,
        blob  TEXT NOT NULL,
        extra TEXT NOT NULL
    );
"""

TOKENS = """
    -- One row: how often anything changed that a token's meaning depends on.
    CREATE TABLE identity_epoch (value BIGINT NOT NULL);
    INSERT INTO identity_epoch (value) VALUES (1);
    -- A token that was issued before and matches every column that is not null is revoked.
    CREATE TABLE identity_revocations (
        id             TEXT PRIMARY KEY,
        audit_id       TEXT,
        audit_chain_id TEXT,
        user_id        TEXT,
        project_id     TEXT,
        domain_id      TEXT,
        trust_id       TEXT,
        application_credential_id TEXT,
        issued_before  DOUBLE PRECISION NOT NULL,
        revoked_at     DOUBLE PRECISION NOT NULL,
        expires_at     DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX identity_revocations_by_time ON identity_revocations (issued_before);
"""

MIGRATIONS: tuple[str, ...] = (RESOURCES + ROLES + CATALOG + CREDENTIALS + LIMITS + TOKENS,)
