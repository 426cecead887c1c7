"""The extensions that are advertised.

Every alias here is a promise: clients change what they do for it, and test suites test it.
What is not here does not work, or not wholly.
"""

from __future__ import annotations

import msgspec


class Extension(msgspec.Struct, frozen=True):
    """Something that not every network service has."""

    alias: str
    name: str
    updated: str
    description: str


EXTENSIONS = (
    Extension(
        "address-group",
        "Address group",
        "2020-07-15T10:00:00-00:00",
        "Lists of addresses that rules of security groups can name.",
    ),
    Extension(
        "address-scope", "Address scope", "2015-07-26T10:00:00-00:00", "Spaces in which no address is used twice."
    ),
    Extension("agent", "agent", "2013-02-03T10:00:00-00:00", "What serves networks on each host."),
    Extension(
        "allowed-address-pairs",
        "Allowed Address Pairs",
        "2013-07-23T10:00:00-00:00",
        "Addresses that a port may use beside its own.",
    ),
    Extension(
        "auto-allocated-topology",
        "Auto Allocated Topology Services",
        "2016-01-01T00:00:00-00:00",
        "A network of a project's own with one call.",
    ),
    Extension("availability_zone", "Availability Zone", "2015-01-01T10:00:00-00:00", "The zones that hosts are in."),
    Extension("binding", "Port Binding", "2014-02-03T10:00:00-00:00", "Where and how a port is plugged."),
    Extension(
        "default-subnetpools",
        "Default Subnetpools",
        "2016-02-18T18:00:00-00:00",
        "Pools that subnets come from when none is named.",
    ),
    Extension("dns-domain-ports", "dns_domain for ports", "2017-04-24T10:00:00-00:00", "A DNS domain for each port."),
    Extension(
        "dns-integration", "DNS Integration", "2015-08-15T18:00:00-00:00", "Names of ports in the network's own DNS."
    ),
    Extension(
        "empty-string-filtering",
        "Empty String Filtering Extension",
        "2018-05-01T10:00:00-00:00",
        "Filters that match an empty text.",
    ),
    Extension(
        "expose-port-forwarding-in-fip",
        "Expose Floating IP port forwardings",
        "2018-06-28T16:00:00-00:00",
        "Port forwardings shown with their floating IP.",
    ),
    Extension(
        "ext-gw-mode",
        "Neutron L3 Configurable external gateway mode",
        "2013-03-28T10:00:00-00:00",
        "Gateways of routers with or without SNAT.",
    ),
    Extension("external-net", "Neutron external network", "2013-01-14T10:00:00-00:00", "Networks that lead outside."),
    Extension(
        "extra_dhcp_opt", "Neutron Extra DHCP options", "2013-03-17T12:00:00-00:00", "DHCP options for each port."
    ),
    Extension("extraroute", "Neutron Extra Route", "2013-02-01T10:00:00-00:00", "More routes for a router."),
    Extension(
        "extraroute-atomic",
        "Atomically add/remove extra routes",
        "2019-07-10T00:00:00+00:00",
        "Routes of a router added and removed without a race.",
    ),
    Extension(
        "filter-validation",
        "Filter parameters validation",
        "2018-07-04T10:00:00-00:00",
        "Filters that are not known are refused.",
    ),
    Extension(
        "fip-port-details",
        "Floating IP Port Details Extension",
        "2018-04-09T10:00:00-00:00",
        "A floating IP shows what it leads to.",
    ),
    Extension(
        "floating-ip-port-forwarding",
        "Floating IP Port Forwarding",
        "2018-01-19T10:00:00-00:00",
        "Single ports of a floating IP that lead to ports inside.",
    ),
    Extension(
        "floating-ip-port-forwarding-description",
        "Floating IP Port Forwarding new attribute description",
        "2019-11-01T10:00:00-00:00",
        "Port forwardings with a description.",
    ),
    Extension(
        "floating-ip-port-forwarding-detail",
        "Floating IP port forwarding detail",
        "2022-05-06T10:00:00-00:00",
        "The id of the port that a forwarding leads to, shown with the floating IP.",
    ),
    Extension(
        "floatingip-pools", "Floating IP Pools Extension", "2018-03-21T10:00:00-00:00", "Where floating IPs come from."
    ),
    Extension(
        "ip-substring-filtering",
        "IP address substring filtering",
        "2017-11-28T09:00:00-00:00",
        "Ports found by a part of an address.",
    ),
    Extension("net-mtu", "Network MTU", "2015-03-25T10:00:00-00:00", "The MTU of a network."),
    Extension(
        "net-mtu-writable", "Network MTU (writable)", "2017-07-12T00:00:00-00:00", "The MTU of a network can be set."
    ),
    Extension(
        "network-ip-availability",
        "Network IP Availability",
        "2015-09-24T00:00:00-00:00",
        "How many addresses of a network are used.",
    ),
    Extension(
        "network_availability_zone",
        "Network Availability Zone",
        "2015-01-01T10:00:00-00:00",
        "The zones that a network is in.",
    ),
    Extension("pagination", "Pagination support", "2016-06-12T00:00:00-00:00", "Lists in pages, with links."),
    Extension(
        "port-security", "Port Security", "2012-07-23T10:00:00-00:00", "Ports whose senders are checked, or not."
    ),
    Extension(
        "port-security-groups-filtering",
        "Port filtering on security groups",
        "2018-01-09T09:00:00-00:00",
        "Ports found by their security groups.",
    ),
    Extension(
        "project-id",
        "project_id field enabled",
        "2016-09-09T09:09:09-09:09",
        "Projects named project_id beside tenant_id.",
    ),
    Extension(
        "provider",
        "Provider Network",
        "2012-09-07T10:00:00-00:00",
        "What a network is on the wire, for administrators.",
    ),
    Extension(
        "quota_details",
        "Quota details management support",
        "2017-02-10T10:00:00-00:00",
        "What a project has of what it may have.",
    ),
    Extension("quotas", "Quota management support", "2012-07-29T10:00:00-00:00", "What a project may have at most."),
    Extension(
        "rbac-address-group",
        "Add address_group type to RBAC",
        "2021-01-20T00:00:00-00:00",
        "Address groups shared with single projects.",
    ),
    Extension(
        "rbac-address-scope",
        "Add address_scope type to RBAC",
        "2020-02-12T00:00:00-00:00",
        "Address scopes shared with single projects.",
    ),
    Extension("rbac-policies", "RBAC Policies", "2015-06-17T12:15:12-00:00", "Networks shared with single projects."),
    Extension(
        "rbac-security-groups",
        "Add security_group type to network RBAC",
        "2019-02-14T00:00:00-00:00",
        "Security groups shared with single projects.",
    ),
    Extension(
        "rbac-subnetpool",
        "Add subnetpool type to RBAC",
        "2020-02-05T00:00:00-00:00",
        "Subnet pools shared with single projects.",
    ),
    Extension(
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "2016-12-11T00:00:00-00:00",
        "Changes that are made only to the revision that the client has seen.",
    ),
    Extension(
        "router",
        "Neutron L3 Router",
        "2012-07-20T10:00:00-00:00",
        "Routers between subnets and to the outside, and floating IPs.",
    ),
    Extension(
        "router_availability_zone",
        "Router Availability Zone",
        "2015-01-01T10:00:00-00:00",
        "The zones that a router is in.",
    ),
    Extension("security-group", "security-group", "2012-10-05T10:00:00-00:00", "What may pass the ports of servers."),
    Extension(
        "security-groups-default-rules",
        "Default rules for security groups",
        "2022-12-19T10:00:00-00:00",
        "The rules that new security groups start with.",
    ),
    Extension(
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
        "2020-07-28T10:00:00-00:00",
        "The range of a rule without the bits behind its prefix.",
    ),
    Extension(
        "security-groups-remote-address-group",
        "Remote address group id field for security group rules",
        "2020-08-25T10:00:00-00:00",
        "Rules whose remote is an address group.",
    ),
    Extension(
        "security-groups-shared-filtering",
        "Security group filtering on the shared field",
        "2021-10-05T09:00:00-00:00",
        "Security groups found by whether they are shared.",
    ),
    Extension(
        "service-type", "Neutron Service Type Management", "2013-01-20T00:00:00-00:00", "Who provides a service."
    ),
    Extension("sorting", "Sorting support", "2016-06-12T00:00:00-00:00", "Lists in the order that a client wants."),
    Extension(
        "standard-attr-description",
        "standard-attr-description",
        "2016-02-10T10:00:00-00:00",
        "A description for every resource.",
    ),
    Extension(
        "standard-attr-revisions",
        "Resource revision numbers",
        "2016-04-11T10:00:00-00:00",
        "The number of times that a resource has changed.",
    ),
    Extension(
        "standard-attr-tag",
        "Tag support for resources with standard attribute",
        "2017-01-01T00:00:00-00:00",
        "Tags on every resource.",
    ),
    Extension(
        "standard-attr-timestamp",
        "Resource timestamps",
        "2016-09-12T10:00:00-00:00",
        "When a resource was made and changed.",
    ),
    Extension(
        "stateful-security-group",
        "Stateful security group",
        "2019-11-26T09:00:00-00:00",
        "Security groups that do not follow connections.",
    ),
    Extension(
        "subnet-service-types", "Subnet service types", "2016-03-15T18:00:00-00:00", "Subnets for kinds of devices."
    ),
    Extension(
        "subnet_allocation", "Subnet Allocation", "2015-03-30T10:00:00-00:00", "Pools that subnets are cut from."
    ),
    Extension(
        "subnetpool-prefix-ops",
        "Subnet Pool Prefix Operations",
        "2019-02-08T10:00:00-00:00",
        "Prefixes added to a pool and removed without a race.",
    ),
    Extension("tag-creation", "Tag creation extension", "2024-23-07T10:00:00-00:00", "Tags added without a race."),
    Extension(
        "tag-ports-during-bulk-creation",
        "Tag Ports During Bulk Creation",
        "2019-12-29T19:00:00-00:00",
        "Tags for many ports as they are made.",
    ),
)
