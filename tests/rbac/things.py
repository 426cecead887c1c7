"""The things that rights are tried on: one of each kind, owned by the first project or by its member."""

from __future__ import annotations

from tests.rbac.world import HOST, MARK, Cloud, outsiders, people

GUEST_DISK = b"guest" * 1000
GONE = "gone"


async def build(cloud: Cloud) -> None:
    """Make everybody and everything."""
    await people(cloud)
    await outsiders(cloud)
    await rights(cloud)
    await limits(cloud)
    await own_things(cloud)
    await catalog(cloud)
    await networks(cloud)
    await routers(cloud)
    await network_extras(cloud)
    await images(cloud)
    await flavors(cloud)
    await server(cloud)
    await compute_extras(cloud)
    await placement(cloud)


async def rights(cloud: Cloud) -> None:
    """Make a domain, roles, a group, and what says who has which role."""
    identity = "/identity/v3"
    cloud.things["{domain_id}"] = "default"
    await cloud.thing("domains", "admin", f"{identity}/domains", {"domain": {"name": f"domain-{MARK}"}})
    await cloud.thing("roles", "admin", f"{identity}/roles", {"role": {"name": "ordinary"}})
    role = await cloud.make("admin", f"{identity}/roles", {"role": {"name": "implied"}})
    cloud.things["implies"] = role["id"]
    cloud.secrets -= {cloud.things["roles"]}
    await cloud.make("admin", f"{identity}/roles/{cloud.things['roles']}/implies/{role['id']}", None, "PUT")
    group = {"group": {"name": f"group-{MARK}", "domain_id": "default"}}
    await cloud.thing("groups", "admin", f"{identity}/groups", group)
    path = f"{identity}/groups/{cloud.things['groups']}/users/{cloud.users['member']}"
    await cloud.make("admin", path, None, "PUT")
    tail = f"roles/{cloud.things['roles']}"
    for what in ("users", "groups"):
        actor = f"{what}/{cloud.things[what]}"
        await cloud.make("admin", f"{identity}/system/{actor}/{tail}", None, "PUT")
        for where in ("projects", "domains"):
            place = f"{where}/{cloud.things[where]}/{actor}/{tail}"
            await cloud.make("admin", f"{identity}/{place}", None, "PUT")
            await cloud.make("admin", f"{identity}/OS-INHERIT/{place}/inherited_to_projects", None, "PUT")
    await cloud.make("admin", f"{identity}/projects/{cloud.things['projects']}/tags/blue", None, "PUT")
    cloud.things["tags"] = "blue"


async def catalog(cloud: Cloud) -> None:
    """Make a region, a service and an endpoint, and a policy."""
    identity = "/identity/v3"
    await cloud.thing("regions", "admin", f"{identity}/regions", {"region": {"id": "far"}}, secret=False)
    service = {"service": {"type": "object-store", "name": "swift"}}
    await cloud.thing("services", "admin", f"{identity}/services", service, secret=False)
    endpoint = {"service_id": cloud.things["services"], "interface": "public", "url": "http://far", "region_id": "far"}
    await cloud.thing("endpoints", "admin", f"{identity}/endpoints", {"endpoint": endpoint}, secret=False)
    policy = {"policy": {"blob": "{}", "type": "application/json"}}
    await cloud.thing("policies", "admin", f"{identity}/policies", policy)


async def limits(cloud: Cloud) -> None:
    """Make a registered limit, and a limit of the first project."""
    services = (await cloud.ask("admin", "GET", "/identity/v3/services?type=compute")).json()["services"]
    what = {"service_id": services[0]["id"], "resource_name": "instances"}
    registered = {"registered_limits": [{**what, "default_limit": 9}]}
    found = await cloud.make("admin", "/identity/v3/registered_limits", registered)
    cloud.things["registered_limits"] = found[0]["id"]
    limit = {"limits": [{**what, "project_id": cloud.projects["first"], "resource_limit": 8}]}
    cloud.things["limits"] = (await cloud.make("admin", "/identity/v3/limits", limit))[0]["id"]
    cloud.secrets.add(cloud.things["limits"])


async def own_things(cloud: Cloud) -> None:
    """Make what belongs to a person: credentials, an application credential, a trust."""
    identity, member = "/identity/v3", cloud.users["member"]
    credential = {"type": "cert", "blob": f"blob-{MARK}", "project_id": cloud.projects["first"], "user_id": member}
    await cloud.thing("credentials", "member", f"{identity}/credentials", {"credential": credential})
    path = f"{identity}/users/{member}/credentials/OS-EC2"
    key = await cloud.make("member", path, {"tenant_id": cloud.projects["first"]})
    cloud.things["OS-EC2"] = key["access"]
    cloud.secrets |= {key["access"], key["secret"]}
    rules = [{"service": "compute", "method": "GET", "path": "/v2.1/servers"}]
    body = {"application_credential": {"name": f"application-{MARK}", "access_rules": rules}}
    path = f"{identity}/users/{member}/application_credentials"
    found = await cloud.thing("application_credentials", "member", path, body)
    cloud.things["access_rules"] = found["access_rules"][0]["id"]
    cloud.secrets.add(cloud.things["access_rules"])
    trust = {
        "trustor_user_id": member,
        "trustee_user_id": cloud.users["friend"],
        "impersonation": False,
        "project_id": cloud.projects["first"],
        "roles": [{"id": cloud.things["roles"]}],
    }
    await cloud.thing("trusts", "member", f"{identity}/OS-TRUST/trusts", {"trust": trust})


async def networks(cloud: Cloud) -> None:
    """Make the network outside, and a private one with a subnet and a port."""
    network, name = "/network/v2.0", f"private-{MARK}"
    outside = {"name": "outside", "router:external": True, "is_default": True}
    provider = {"provider:network_type": "flat", "provider:physical_network": "public"}
    found = await cloud.make("admin", f"{network}/networks", {"network": {**outside, **provider}})
    cloud.things["outside"] = found["id"]
    subnet = {"network_id": found["id"], "ip_version": 4, "cidr": "192.0.2.0/24", "enable_dhcp": False}
    await cloud.make("admin", f"{network}/subnets", {"subnet": subnet})
    await cloud.thing("networks", "member", f"{network}/networks", {"network": {"name": name}})
    subnet = {"network_id": cloud.things["networks"], "ip_version": 4, "cidr": "10.9.0.0/24", "name": name}
    await cloud.thing("subnets", "member", f"{network}/subnets", {"subnet": subnet})
    group = {"security_group": {"name": f"group-{MARK}"}}
    found = await cloud.thing("security-groups", "member", f"{network}/security-groups", group)
    rule = {"security_group_id": found["id"], "direction": "ingress", "protocol": "tcp", "description": name}
    path = f"{network}/security-group-rules"
    await cloud.thing("security-group-rules", "member", path, {"security_group_rule": rule})
    port = {"network_id": cloud.things["networks"], "name": name}
    await cloud.thing("ports", "member", f"{network}/ports", {"port": port})
    cloud.things["resource_type"], cloud.things["v2.0"] = "networks", "networks"
    cloud.things["resource_id"] = cloud.things["networks"]
    await cloud.make("member", f"{network}/networks/{cloud.things['networks']}/tags/blue", None, "PUT")


async def routers(cloud: Cloud) -> None:
    """Make a router to the outside, a floating IP, and a port of it that is forwarded."""
    network, name = "/network/v2.0", f"router-{MARK}"
    router = {"name": name, "external_gateway_info": {"network_id": cloud.things["outside"]}}
    await cloud.thing("routers", "member", f"{network}/routers", {"router": router})
    path = f"{network}/routers/{cloud.things['routers']}/add_router_interface"
    await cloud.make("member", path, {"subnet_id": cloud.things["subnets"]}, "PUT")
    floating = {"floating_network_id": cloud.things["outside"], "description": name}
    found = await cloud.thing("floatingips", "member", f"{network}/floatingips", {"floatingip": floating})
    cloud.things["floating_ip_address"] = found["floating_ip_address"]
    cloud.secrets.add(found["floating_ip_address"])


async def network_extras(cloud: Cloud) -> None:
    """Make the rarer things of networks."""
    network, name = "/network/v2.0", f"extra-{MARK}"
    port = (await cloud.ask("member", "GET", f"{network}/ports/{cloud.things['ports']}")).json()["port"]
    forwarding = {
        "internal_port_id": port["id"],
        "internal_ip_address": port["fixed_ips"][0]["ip_address"],
        "internal_port": 22,
        "external_port": 2222,
        "protocol": "tcp",
    }
    path = f"{network}/floatingips/{cloud.things['floatingips']}/port_forwardings"
    await cloud.thing("port_forwardings", "member", path, {"port_forwarding": forwarding})
    pool = {"subnetpool": {"name": name, "prefixes": ["10.20.0.0/16"]}}
    await cloud.thing("subnetpools", "member", f"{network}/subnetpools", pool)
    scope = {"address_scope": {"name": name, "ip_version": 4}}
    await cloud.thing("address-scopes", "member", f"{network}/address-scopes", scope)
    group = {"address_group": {"name": name, "addresses": ["10.30.0.0/16"]}}
    await cloud.thing("address-groups", "member", f"{network}/address-groups", group)
    rule = {"default_security_group_rule": {"direction": "ingress", "protocol": "udp"}}
    path = f"{network}/default-security-group-rules"
    await cloud.thing("default-security-group-rules", "admin", path, rule, secret=False)
    shared = {"object_type": "network", "object_id": cloud.things["networks"]}
    share = {"rbac_policy": {**shared, "action": "access_as_shared", "target_tenant": cloud.projects["third"]}}
    await cloud.thing("rbac-policies", "member", f"{network}/rbac-policies", share)
    agents = (await cloud.ask("admin", "GET", f"{network}/agents")).json()["agents"]
    cloud.things["agents"] = agents[0]["id"] if agents else GONE
    everybodys = {
        "name": "default",
        "prefixes": ["10.60.0.0/16"],
        "default_prefixlen": 26,
        "is_default": True,
        "shared": True,
    }
    await cloud.make("admin", f"{network}/subnetpools", {"subnetpool": everybodys})
    topology = f"{network}/auto-allocated-topology/{cloud.projects['first']}"
    await cloud.make("admin", topology, None, "GET")
    cloud.things["quotas"] = cloud.things["auto-allocated-topology"] = cloud.projects["first"]
    cloud.things["network-ip-availabilities"] = cloud.things["networks"]
    cloud.things |= {"network/extensions": "router", "compute/extensions": "os-keypairs"}


async def images(cloud: Cloud) -> None:
    """Make a private image, one that is shared with the third project, and a namespace of metadata."""
    image, name = "/image/v2", f"image-{MARK}"
    forms = {"disk_format": "raw", "container_format": "bare"}
    body = {"name": name, **forms, "visibility": "shared", "tags": ["blue"], "colour": "red"}
    found = await cloud.thing("images", "member", f"{image}/images", body)
    await cloud.make("member", f"{image}/images/{found['id']}/file", GUEST_DISK, "PUT")
    await cloud.make("member", f"{image}/images/{found['id']}/members", {"member": cloud.projects["third"]})
    cloud.things |= {"members": cloud.projects["third"], "stores": "file", "{image_id}": found["id"]}
    spaces = f"{image}/metadefs/namespaces"
    await cloud.make("admin", spaces, {"namespace": f"space-{MARK}", "visibility": "private"})
    space = f"{spaces}/space-{MARK}"
    cloud.things["namespaces"] = f"space-{MARK}"
    await cloud.make("admin", f"{space}/objects", {"name": "thing"})
    await cloud.make("admin", f"{space}/properties", {"name": "trait", "title": "Trait", "type": "string"})
    await cloud.make("admin", f"{space}/resource_types", {"name": "OS::Nova::Server"})
    await cloud.make("admin", f"{space}/tags/blue", None)
    cloud.things |= {"objects": "thing", "properties": "trait", "resource_types": "OS::Nova::Server"}
    cloud.things |= {"schemas": "image", "metadefs": "namespace"}
    other = await cloud.make("member", f"{image}/images", {"name": f"other-{MARK}", **forms})
    await cloud.make("member", f"{image}/images/{other['id']}/stage", GUEST_DISK, "PUT")
    await cloud.make("member", f"{image}/images/{other['id']}/import", {"method": {"name": "glance-direct"}})
    await cloud.until("member", f"{image}/images/{other['id']}", {"status": "active"})
    cloud.secrets.add(other["id"])
    cloud.things["tasks"] = (await cloud.ask("admin", "GET", f"{image}/tasks")).json()["tasks"][0]["id"]


async def flavors(cloud: Cloud) -> None:
    """Make a flavor for all, one for the first project alone, and an aggregate."""
    compute, small = "/compute/v2.1", {"vcpus": 1, "ram": 64, "disk": 1}
    tiny = {"id": "tiny", "name": "tiny", **small}
    await cloud.make("admin", f"{compute}/flavors", {"flavor": tiny})
    private = {"id": "own", "name": f"flavor-{MARK}", **small, "os-flavor-access:is_public": False}
    await cloud.thing("flavors", "admin", f"{compute}/flavors", {"flavor": private}, secret=False)
    access = {"addTenantAccess": {"tenant": cloud.projects["first"]}}
    await cloud.make("admin", f"{compute}/flavors/own/action", access)
    specs = {"extra_specs": {"hw:cpu_policy": "shared"}}
    await cloud.make("admin", f"{compute}/flavors/own/os-extra_specs", specs)
    cloud.things["os-extra_specs"] = "hw:cpu_policy"
    aggregate = {"aggregate": {"name": f"aggregate-{MARK}"}}
    await cloud.thing("os-aggregates", "admin", f"{compute}/os-aggregates", aggregate, secret=False)


async def server(cloud: Cloud) -> None:
    """Boot a server with a key pair in a group, and wait until it runs."""
    compute = "/compute/v2.1"
    key = {"keypair": {"name": f"key-{MARK}", "type": "ssh", "public_key": KEY}}
    await cloud.make("member", f"{compute}/os-keypairs", key)
    cloud.things["os-keypairs"] = f"key-{MARK}"
    group = {"server_group": {"name": f"group-{MARK}", "policy": "anti-affinity"}}
    found = await cloud.thing("os-server-groups", "member", f"{compute}/os-server-groups", group)
    body = {
        "name": f"server-{MARK}",
        "flavorRef": "tiny",
        "imageRef": cloud.things["images"],
        "key_name": f"key-{MARK}",
        "networks": [{"port": cloud.things["ports"]}],
        "metadata": {"colour": "red"},
        "tags": ["blue"],
    }
    hints = {"os:scheduler_hints": {"group": found["id"]}}
    answer = await cloud.ask("member", "POST", f"{compute}/servers", {"server": body, **hints})
    assert answer.status == 202, answer.text
    id = cloud.things["servers"] = answer.json()["server"]["id"]
    cloud.secrets.add(id)
    await cloud.until("member", f"{compute}/servers/{id}", {"status": "ACTIVE", "OS-EXT-STS:task_state": None})


async def compute_extras(cloud: Cloud) -> None:
    """Note what else of compute is asked for: hosts, old names of networks and groups."""
    compute, things = "/compute/v2.1", cloud.things
    server = f"{compute}/servers/{things['servers']}"
    actions = (await cloud.ask("member", "GET", f"{server}/os-instance-actions")).json()["instanceActions"]
    things["os-instance-actions"] = actions[0]["request_id"]
    cloud.secrets.add(things["os-instance-actions"])
    hypervisors = (await cloud.ask("admin", "GET", f"{compute}/os-hypervisors")).json()["hypervisors"]
    things["os-hypervisors"] = hypervisors[0]["id"]
    services = (await cloud.ask("admin", "GET", f"{compute}/os-services")).json()["services"]
    things["os-services"] = next(each["id"] for each in services if each["binary"] == "nova-compute")
    things |= {"metadata": "colour", "ips": f"private-{MARK}", "os-interface": things["ports"], "os-hosts": HOST}
    things["os-networks"] = things["os-tenant-networks"] = things["networks"]
    things["os-security-groups"] = things["security-groups"]
    things["os-security-group-rules"] = things["security-group-rules"]
    things["os-floating-ips"] = things["floatingips"]
    things["os-quota-sets"] = things["os-simple-tenant-usage"] = cloud.projects["first"]
    things["{pattern}"] = hypervisors[0]["hypervisor_hostname"]
    things |= {f"part{depth}": "index.html" for depth in range(6)} | {"console": "index.html"}
    things |= {"os-quota-class-sets": "default", "os-instance_usage_audit_log": "2020-01-01 00:00:00"}
    console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    answer = await cloud.ask("member", "POST", f"{server}/remote-consoles", console)
    things["os-console-auth-tokens"] = answer.json()["remote_console"]["url"].rpartition("token%3D")[2] or GONE


async def placement(cloud: Cloud) -> None:
    """Make a provider with an inventory, a resource class and a trait; the server has an allocation."""
    root, things = "/placement", cloud.things
    provider = {"name": f"provider-{MARK}"}
    answer = await cloud.ask("admin", "POST", f"{root}/resource_providers", provider)
    assert answer.ok, answer.text
    things["resource_providers"] = answer.json()["uuid"]
    path = f"{root}/resource_providers/{things['resource_providers']}/inventories"
    await cloud.make("admin", path, {"resource_class": "VCPU", "total": 4})
    await cloud.make("admin", f"{root}/resource_classes/CUSTOM_RBAC", None, "PUT")
    await cloud.make("admin", f"{root}/traits/CUSTOM_RBAC", None, "PUT")
    things |= {"inventories": "VCPU", "resource_classes": "CUSTOM_RBAC", "traits": "CUSTOM_RBAC"}
    things["allocations"] = things["servers"]


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleXRoYXRub2JvZHloYXNzb21lcmFuZG9tYnl0ZXMx rbac"
