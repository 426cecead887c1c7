"""Networks, ports and the rest as rows.

Written by the API unless a column's comment says otherwise.  What a port has of addresses
stands in `fixed_ips` alone: the primary key there is what keeps an address with one owner.
"""

from __future__ import annotations

import msgspec

NETWORKS = """
    CREATE TABLE networks (
        id                      TEXT PRIMARY KEY,
        project_id              TEXT NOT NULL,
        name                    TEXT NOT NULL,
        description             TEXT NOT NULL,
        admin_state_up          BOOLEAN NOT NULL,
        external                BOOLEAN NOT NULL,
        is_default              BOOLEAN NOT NULL,
        mtu                     BIGINT NOT NULL,
        port_security_enabled   BOOLEAN NOT NULL,
        dns_domain              TEXT NOT NULL,
        network_type            TEXT NOT NULL,
        physical_network        TEXT NOT NULL,
        segmentation_id         BIGINT,
        availability_zone_hints TEXT NOT NULL,
        revision_number         BIGINT NOT NULL,
        created_at              DOUBLE PRECISION NOT NULL,
        updated_at              DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX networks_by_project ON networks (project_id);
    CREATE UNIQUE INDEX networks_by_segment ON networks (network_type, physical_network, segmentation_id);

    CREATE TABLE subnets (
        id                   TEXT PRIMARY KEY,
        project_id           TEXT NOT NULL,
        name                 TEXT NOT NULL,
        description          TEXT NOT NULL,
        network_id           TEXT NOT NULL REFERENCES networks (id),
        ip_version           BIGINT NOT NULL,
        cidr                 TEXT NOT NULL,
        gateway_ip           TEXT,
        enable_dhcp          BOOLEAN NOT NULL,
        ipv6_ra_mode         TEXT,
        ipv6_address_mode    TEXT,
        subnetpool_id        TEXT,
        allocation_pools     TEXT NOT NULL,
        dns_nameservers      TEXT NOT NULL,
        host_routes          TEXT NOT NULL,
        service_types        TEXT NOT NULL,
        dns_publish_fixed_ip BOOLEAN NOT NULL,
        revision_number      BIGINT NOT NULL,
        created_at           DOUBLE PRECISION NOT NULL,
        updated_at           DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX subnets_by_network ON subnets (network_id);
    CREATE INDEX subnets_by_project ON subnets (project_id);
    CREATE INDEX subnets_by_pool ON subnets (subnetpool_id);
"""

PORTS = """
    CREATE TABLE ports (
        id                      TEXT PRIMARY KEY,
        project_id              TEXT NOT NULL,
        name                    TEXT NOT NULL,
        description             TEXT NOT NULL,
        network_id              TEXT NOT NULL REFERENCES networks (id),
        mac_address             TEXT NOT NULL,
        admin_state_up          BOOLEAN NOT NULL,
        device_id               TEXT NOT NULL,
        device_owner            TEXT NOT NULL,
        port_security_enabled   BOOLEAN NOT NULL,
        allowed_address_pairs   TEXT NOT NULL,
        extra_dhcp_opts         TEXT NOT NULL,
        dns_name                TEXT NOT NULL,
        dns_domain              TEXT NOT NULL,
        propagate_uplink_status BOOLEAN NOT NULL,
        vnic_type               TEXT NOT NULL,
        profile                 TEXT NOT NULL,
        host                    TEXT NOT NULL,
        -- Whether the port was made for its device, and goes with it.
        made_for_device         BOOLEAN NOT NULL,
        -- Seen.  Written when the host of the port reports, and reset when the port is bound anew.
        status                  TEXT NOT NULL,
        revision_number         BIGINT NOT NULL,
        created_at              DOUBLE PRECISION NOT NULL,
        updated_at              DOUBLE PRECISION NOT NULL,
        UNIQUE (network_id, mac_address)
    );
    CREATE INDEX ports_by_project ON ports (project_id);
    CREATE INDEX ports_by_device ON ports (device_id);
    CREATE INDEX ports_by_host ON ports (host, network_id);
    CREATE INDEX ports_by_network ON ports (network_id, host);

    CREATE TABLE fixed_ips (
        subnet_id  TEXT NOT NULL REFERENCES subnets (id),
        address    TEXT NOT NULL,
        network_id TEXT NOT NULL,
        port_id    TEXT NOT NULL REFERENCES ports (id),
        position   BIGINT NOT NULL,
        PRIMARY KEY (subnet_id, address)
    );
    CREATE INDEX fixed_ips_by_port ON fixed_ips (port_id);
    CREATE INDEX fixed_ips_by_network ON fixed_ips (network_id, address);
"""

SECURITY_GROUPS = """
    CREATE TABLE security_groups (
        id              TEXT PRIMARY KEY,
        project_id      TEXT NOT NULL,
        name            TEXT NOT NULL,
        description     TEXT NOT NULL,
        stateful        BOOLEAN NOT NULL,
        revision_number BIGINT NOT NULL,
        created_at      DOUBLE PRECISION NOT NULL,
        updated_at      DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX security_groups_by_project ON security_groups (project_id, name);
    CREATE UNIQUE INDEX security_groups_default ON security_groups (project_id) WHERE name = 'default';

    CREATE TABLE security_group_rules (
        id                      TEXT PRIMARY KEY,
        project_id              TEXT NOT NULL,
        description             TEXT NOT NULL,
        security_group_id       TEXT NOT NULL REFERENCES security_groups (id),
        direction               TEXT NOT NULL,
        ethertype               TEXT NOT NULL,
        protocol                TEXT,
        port_range_min          BIGINT,
        port_range_max          BIGINT,
        remote_ip_prefix        TEXT,
        remote_group_id         TEXT,
        remote_address_group_id TEXT,
        revision_number         BIGINT NOT NULL,
        created_at              DOUBLE PRECISION NOT NULL,
        updated_at              DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX security_group_rules_by_group ON security_group_rules (security_group_id);
    CREATE INDEX security_group_rules_by_project ON security_group_rules (project_id);
    CREATE INDEX security_group_rules_by_remote ON security_group_rules (remote_group_id);
    CREATE INDEX security_group_rules_by_address_group ON security_group_rules (remote_address_group_id);

    CREATE TABLE default_security_group_rules (
        id                      TEXT PRIMARY KEY,
        description             TEXT NOT NULL,
        direction               TEXT NOT NULL,
        ethertype               TEXT NOT NULL,
        protocol                TEXT,
        port_range_min          BIGINT,
        port_range_max          BIGINT,
        remote_ip_prefix        TEXT,
        remote_group_id         TEXT,
        remote_address_group_id TEXT,
        used_in_default_sg      BOOLEAN NOT NULL,
        used_in_non_default_sg  BOOLEAN NOT NULL
    );
    INSERT INTO default_security_group_rules VALUES
        ('00000000-0000-4000-8000-000000000001', 'Legacy default SG rule for egress traffic', 'egress', 'IPv4',
         NULL, NULL, NULL, NULL, NULL, NULL, TRUE, TRUE),
        ('00000000-0000-4000-8000-000000000002', 'Legacy default SG rule for egress traffic', 'egress', 'IPv6',
         NULL, NULL, NULL, NULL, NULL, NULL, TRUE, TRUE),
        ('00000000-0000-4000-8000-000000000003', 'Legacy default SG rule for ingress traffic', 'ingress', 'IPv4',
         NULL, NULL, NULL, NULL, 'PARENT', NULL, TRUE, FALSE),
        ('00000000-0000-4000-8000-000000000004', 'Legacy default SG rule for ingress traffic', 'ingress', 'IPv6',
         NULL, NULL, NULL, NULL, 'PARENT', NULL, TRUE, FALSE);

    CREATE TABLE port_security_groups (
        port_id           TEXT NOT NULL REFERENCES ports (id),
        security_group_id TEXT NOT NULL REFERENCES security_groups (id),
        PRIMARY KEY (port_id, security_group_id)
    );
    CREATE INDEX port_security_groups_by_group ON port_security_groups (security_group_id);

    CREATE TABLE address_groups (
        id              TEXT PRIMARY KEY,
        project_id      TEXT NOT NULL,
        name            TEXT NOT NULL,
        description     TEXT NOT NULL,
        addresses       TEXT NOT NULL,
        revision_number BIGINT NOT NULL,
        created_at      DOUBLE PRECISION NOT NULL,
        updated_at      DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX address_groups_by_project ON address_groups (project_id);
"""

ROUTERS = """
    CREATE TABLE routers (
        id                      TEXT PRIMARY KEY,
        project_id              TEXT NOT NULL,
        name                    TEXT NOT NULL,
        description             TEXT NOT NULL,
        admin_state_up          BOOLEAN NOT NULL,
        gateway_network_id      TEXT,
        gateway_port_id         TEXT,
        enable_snat             BOOLEAN NOT NULL,
        routes                  TEXT NOT NULL,
        availability_zone_hints TEXT NOT NULL,
        -- The host that routes; chosen when there is something to route.
        host                    TEXT NOT NULL,
        revision_number         BIGINT NOT NULL,
        created_at              DOUBLE PRECISION NOT NULL,
        updated_at              DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX routers_by_project ON routers (project_id);
    CREATE INDEX routers_by_host ON routers (host);

    CREATE TABLE floating_ips (
        id                  TEXT PRIMARY KEY,
        project_id          TEXT NOT NULL,
        description         TEXT NOT NULL,
        floating_network_id TEXT NOT NULL REFERENCES networks (id),
        floating_ip_address TEXT NOT NULL,
        floating_port_id    TEXT NOT NULL REFERENCES ports (id),
        port_id             TEXT,
        fixed_ip_address    TEXT,
        router_id           TEXT,
        dns_name            TEXT NOT NULL,
        dns_domain          TEXT NOT NULL,
        -- Seen.  Written when the router's host reports.
        status              TEXT NOT NULL,
        revision_number     BIGINT NOT NULL,
        created_at          DOUBLE PRECISION NOT NULL,
        updated_at          DOUBLE PRECISION NOT NULL,
        UNIQUE (floating_network_id, port_id, fixed_ip_address)
    );
    CREATE INDEX floating_ips_by_project ON floating_ips (project_id);
    CREATE INDEX floating_ips_by_port ON floating_ips (port_id);
    CREATE INDEX floating_ips_by_router ON floating_ips (router_id);
    CREATE INDEX floating_ips_by_address ON floating_ips (floating_ip_address);

    CREATE TABLE port_forwardings (
        id                  TEXT PRIMARY KEY,
        project_id          TEXT NOT NULL,
        floating_ip_id      TEXT NOT NULL REFERENCES floating_ips (id),
        description         TEXT NOT NULL,
        protocol            TEXT NOT NULL,
        external_port       BIGINT NOT NULL,
        internal_port       BIGINT NOT NULL,
        internal_port_id    TEXT NOT NULL,
        internal_ip_address TEXT NOT NULL,
        UNIQUE (floating_ip_id, protocol, external_port)
    );
    CREATE INDEX port_forwardings_by_port ON port_forwardings (internal_port_id);
"""

SHARING = """
    CREATE TABLE subnet_pools (
        id                TEXT PRIMARY KEY,
        project_id        TEXT NOT NULL,
        name              TEXT NOT NULL,
        description       TEXT NOT NULL,
        ip_version        BIGINT NOT NULL,
        prefixes          TEXT NOT NULL,
        min_prefixlen     BIGINT NOT NULL,
        max_prefixlen     BIGINT NOT NULL,
        default_prefixlen BIGINT NOT NULL,
        default_quota     BIGINT,
        address_scope_id  TEXT,
        is_default        BOOLEAN NOT NULL,
        revision_number   BIGINT NOT NULL,
        created_at        DOUBLE PRECISION NOT NULL,
        updated_at        DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX subnet_pools_by_project ON subnet_pools (project_id);

    CREATE TABLE address_scopes (
        id         TEXT PRIMARY KEY,
        project_id TEXT NOT NULL,
        name       TEXT NOT NULL,
        ip_version BIGINT NOT NULL
    );
    CREATE INDEX address_scopes_by_project ON address_scopes (project_id);

    CREATE TABLE rbac_policies (
        id             TEXT PRIMARY KEY,
        project_id     TEXT NOT NULL,
        object_type    TEXT NOT NULL,
        object_id      TEXT NOT NULL,
        action         TEXT NOT NULL,
        target_project TEXT NOT NULL,
        UNIQUE (object_type, object_id, action, target_project)
    );
    CREATE INDEX rbac_policies_by_object ON rbac_policies (object_id, action);
    CREATE INDEX rbac_policies_by_project ON rbac_policies (project_id);

    -- What an operator said of an agent; that it exists and lives is known from `hosts`.
    CREATE TABLE network_agents (
        id             TEXT PRIMARY KEY,
        admin_state_up BOOLEAN NOT NULL,
        description    TEXT NOT NULL
    );
"""

TOPOLOGIES = """
    -- What a project got when it asked for a network of its own with one call.
    CREATE TABLE auto_topologies (
        project_id TEXT PRIMARY KEY,
        network_id TEXT NOT NULL,
        router_id  TEXT NOT NULL
    );
"""

SERVERS = """
    -- The server that a port was given to.  `device_id` is what a client says, and proves nothing.
    ALTER TABLE ports ADD COLUMN server_id TEXT NOT NULL DEFAULT '';
    CREATE INDEX ports_by_server ON ports (server_id);
"""

TROUBLES = """
    -- What a host says is wrong, by the network or router that it reports about.
    CREATE TABLE network_troubles (
        kind  TEXT NOT NULL,
        id    TEXT NOT NULL,
        host  TEXT NOT NULL,
        item  TEXT NOT NULL,
        text  TEXT NOT NULL,
        since DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (kind, id, host)
    );
    CREATE INDEX network_troubles_by_item ON network_troubles (item, host);
"""

UNDERLAYS = """
    -- Each host's address on the network between hosts, as it last told.
    CREATE TABLE network_underlays (
        host    TEXT PRIMARY KEY,
        address TEXT NOT NULL
    );
"""

MIGRATIONS: tuple[str, ...] = (
    NETWORKS + PORTS + SECURITY_GROUPS + ROUTERS + SHARING,
    TOPOLOGIES,
    SERVERS,
    TROUBLES,
    UNDERLAYS,
)


class Pool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of addresses that may be given out, both ends included."""

    start: str
    end: str


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to a range of addresses."""

    destination: str
    nexthop: str


class NetworkRow(msgspec.Struct):
    """A network as stored."""

    id: str
    project_id: str
    name: str
    description: str
    admin_state_up: bool
    external: bool
    is_default: bool
    mtu: int
    port_security_enabled: bool
    dns_domain: str
    network_type: str
    physical_network: str
    segmentation_id: int | None
    availability_zone_hints: list[str]
    revision_number: int
    created_at: float
    updated_at: float


class SubnetRow(msgspec.Struct):
    """A subnet as stored."""

    id: str
    project_id: str
    name: str
    description: str
    network_id: str
    ip_version: int
    cidr: str
    gateway_ip: str | None
    enable_dhcp: bool
    ipv6_ra_mode: str | None
    ipv6_address_mode: str | None
    subnetpool_id: str | None
    allocation_pools: list[Pool]
    dns_nameservers: list[str]
    host_routes: list[Route]
    service_types: list[str]
    dns_publish_fixed_ip: bool
    revision_number: int
    created_at: float
    updated_at: float


class AddressPair(msgspec.Struct, frozen=True):
    """An address that a port may use beside its own."""

    ip_address: str
    mac_address: str


class DhcpOption(msgspec.Struct, frozen=True):
    """A DHCP option for one port."""

    opt_name: str
    opt_value: str
    ip_version: int = 4


class PortRow(msgspec.Struct):
    """A port as stored."""

    id: str
    project_id: str
    name: str
    description: str
    network_id: str
    mac_address: str
    admin_state_up: bool
    device_id: str
    device_owner: str
    port_security_enabled: bool
    allowed_address_pairs: list[AddressPair]
    extra_dhcp_opts: list[DhcpOption]
    dns_name: str
    dns_domain: str
    propagate_uplink_status: bool
    vnic_type: str
    profile: dict[str, object]
    host: str
    server_id: str
    made_for_device: bool
    status: str
    revision_number: int
    created_at: float
    updated_at: float


class FixedIpRow(msgspec.Struct):
    """An address and the port that has it."""

    subnet_id: str
    address: str
    network_id: str
    port_id: str
    position: int


class SecurityGroupRow(msgspec.Struct):
    """A security group as stored."""

    id: str
    project_id: str
    name: str
    description: str
    stateful: bool
    revision_number: int
    created_at: float
    updated_at: float


class RuleRow(msgspec.Struct):
    """A rule of a security group as stored."""

    id: str
    project_id: str
    description: str
    security_group_id: str
    direction: str
    ethertype: str
    protocol: str | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None
    revision_number: int
    created_at: float
    updated_at: float


class DefaultRuleRow(msgspec.Struct):
    """A rule that new security groups start with; `PARENT` as the remote group is the new group itself."""

    id: str
    description: str
    direction: str
    ethertype: str
    protocol: str | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None
    used_in_default_sg: bool
    used_in_non_default_sg: bool


class AddressGroupRow(msgspec.Struct):
    """A list of address ranges that rules can name."""

    id: str
    project_id: str
    name: str
    description: str
    addresses: list[str]
    revision_number: int
    created_at: float
    updated_at: float


class RouterRow(msgspec.Struct):
    """A router as stored; its interfaces are ports."""

    id: str
    project_id: str
    name: str
    description: str
    admin_state_up: bool
    gateway_network_id: str | None
    gateway_port_id: str | None
    enable_snat: bool
    routes: list[Route]
    availability_zone_hints: list[str]
    host: str
    revision_number: int
    created_at: float
    updated_at: float


class FloatingIpRow(msgspec.Struct):
    """A floating IP as stored; its address is that of a port on the external network."""

    id: str
    project_id: str
    description: str
    floating_network_id: str
    floating_ip_address: str
    floating_port_id: str
    port_id: str | None
    fixed_ip_address: str | None
    router_id: str | None
    dns_name: str
    dns_domain: str
    status: str
    revision_number: int
    created_at: float
    updated_at: float


class PortForwardingRow(msgspec.Struct):
    """One port of a floating IP that leads to one port of one address inside."""

    id: str
    project_id: str
    floating_ip_id: str
    description: str
    protocol: str
    external_port: int
    internal_port: int
    internal_port_id: str
    internal_ip_address: str


class SubnetPoolRow(msgspec.Struct):
    """A range of addresses that subnets are cut from."""

    id: str
    project_id: str
    name: str
    description: str
    ip_version: int
    prefixes: list[str]
    min_prefixlen: int
    max_prefixlen: int
    default_prefixlen: int
    default_quota: int | None
    address_scope_id: str | None
    is_default: bool
    revision_number: int
    created_at: float
    updated_at: float


class AddressScopeRow(msgspec.Struct):
    """A space in which no address is used twice."""

    id: str
    project_id: str
    name: str
    ip_version: int


class RbacRow(msgspec.Struct):
    """Who beside its owner may use an object; the project `*` is everybody."""

    id: str
    project_id: str
    object_type: str
    object_id: str
    action: str
    target_project: str


class TopologyRow(msgspec.Struct):
    """The network and the router that a project got with one call."""

    project_id: str
    network_id: str
    router_id: str
