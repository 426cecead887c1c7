"""The smallest body that a route takes, made from the JSON schema of the Struct behind it."""

from __future__ import annotations

import re
from typing import Any

from tests.rbac.things import KEY
from tests.rbac.world import MARK, Cloud
from welkin.core import openapi
from welkin.core.routing import Route

Json = Any
Schema = dict[str, Any]
UUID = "d2f3a9d0-0000-4000-8000-00000000aaaa"
TEXTS = ("x", "blue", "CUSTOM_X", UUID, "10.0.0.1", "2026-01-01T00:00:00Z", "http://x", "/x")
"""Tried in turn where a text must match a pattern."""


def smallest(route: Route, cloud: Cloud) -> Json:
    """Return a body for a route: what its handler wants beyond its schema, over what the schema asks for."""
    if route.uploads:
        return b"data"
    if route.body is None:
        return None
    shapes, components = openapi.schemas({route: route.body})
    special, key = wanted(cloud), (route.method, route.path, route.action or "")
    body = special[key] if key in special else value(shapes[route], components)
    return {route.action: body} if route.action is not None else body


def value(schema: Schema, named: dict[str, Schema]) -> Json:
    """Return the smallest value that a schema takes."""
    if "$ref" in schema:
        return value(named[schema["$ref"].rpartition("/")[2]], named)
    if "anyOf" in schema:
        return value(next((each for each in schema["anyOf"] if each.get("type") != "null"), {}), named)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object" or kind is None:
        properties = schema.get("properties", {})
        return {name: value(properties[name], named) for name in schema.get("required", ())}
    if kind == "array":
        return [value(schema["items"], named)] * schema.get("minItems", 0)
    if kind == "string":
        return text(schema)
    return {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": False, "null": None}[kind]


def text(schema: Schema) -> str:
    """Return a text that a schema takes."""
    pattern = re.compile(str(schema.get("pattern", "")).replace("\\Z", "$"))
    return next(text for text in TEXTS if pattern.search(text) and len(text) <= schema.get("maxLength", 999))


def wanted(cloud: Cloud) -> dict[tuple[str, str, str], Json]:
    """Return the bodies of routes that want more than their schema says, or something that is there."""
    return {**identity_bodies(cloud), **image_bodies(cloud), **network_bodies(cloud), **compute_bodies(cloud)}


def identity_bodies(cloud: Cloud) -> dict[tuple[str, str, str], Json]:
    """Return the bodies of identity."""
    things = cloud.things
    password = {"original_password": "wrong", "password": "another one"}
    trust = {"trustor_user_id": cloud.users["member"], "trustee_user_id": cloud.users["friend"]}
    scope = {"impersonation": False, "project_id": cloud.projects["first"], "roles": [{"name": "reader"}]}
    credential = {"type": "cert", "blob": "x", "user_id": cloud.users["member"]}
    group = user = {"name": "made", "domain_id": "default"}
    return {
        ("POST", "/v3/projects", ""): {"project": {"name": "made", "domain_id": "default"}},
        ("POST", "/v3/domains", ""): {"domain": {"name": "made"}},
        ("POST", "/v3/users", ""): {"user": user},
        ("POST", "/v3/groups", ""): {"group": group},
        ("POST", "/v3/roles", ""): {"role": {"name": "made"}},
        ("POST", "/v3/users/{user_id}/password", ""): {"user": password},
        ("POST", "/v3/credentials", ""): {"credential": credential},
        ("POST", "/v3/users/{user_id}/credentials/OS-EC2", ""): {"tenant_id": things["projects"]},
        ("POST", "/v3/OS-TRUST/trusts", ""): {"trust": {**trust, **scope}},
    }


def image_bodies(cloud: Cloud) -> dict[tuple[str, str, str], Json]:
    """Return the bodies of image."""
    patch = [{"op": "replace", "path": "/name", "value": "changed"}]
    web = {"method": {"name": "web-download", "uri": "http://192.0.2.1/x"}}
    return {
        ("POST", "/v2/images", ""): {"name": "made", "owner": cloud.projects["first"]},
        ("PATCH", "/v2/images/{image_id}", ""): patch,
        ("POST", "/v2/images/{image_id}/import", ""): web,
        ("POST", "/v2/images/{image_id}/members", ""): {"member": cloud.projects["second"]},
        ("PUT", "/v2/images/{image_id}/members/{member_id}", ""): {"status": "accepted"},
        ("PUT", "/v2/metadefs/namespaces/{namespace}", ""): {"namespace": f"space-{MARK}"},
        ("POST", "/v2/metadefs/namespaces/{namespace}/objects", ""): {"name": "made"},
        ("PUT", "/v2/metadefs/namespaces/{namespace}/objects/{name}", ""): {"name": "thing"},
        **{
            (method, "/v2/metadefs/namespaces/{namespace}/properties" + tail, ""): {
                "name": "trait",
                "title": "Trait",
                "type": "string",
            }
            for method, tail in (("POST", ""), ("PUT", "/{name}"))
        },
    }


def network_bodies(cloud: Cloud) -> dict[tuple[str, str, str], Json]:
    """Return the bodies of network; what is created is created on the first project's things, and for it."""
    things, owner = cloud.things, {"project_id": cloud.projects["first"]}
    on_network = {"network_id": things["networks"], **owner}
    subnet = {**on_network, "ip_version": 4, "cidr": "10.77.0.0/24"}
    rule = {"security_group_id": things["security-groups"], "direction": "ingress", **owner}
    floating = {"floating_network_id": things["outside"], **owner}
    interface = {"subnet_id": things["subnets"]}
    extra = {"router": {"routes": [{"destination": "10.88.0.0/24", "nexthop": "10.9.0.5"}]}}
    forwarding = {"internal_port_id": things["ports"], "internal_port": 1, "external_port": 1, "protocol": "tcp"}
    address = {"internal_ip_address": "10.9.0.9"}
    share = {"object_type": "network", "object_id": things["networks"], "action": "access_as_shared"}
    made = {"name": "made", **owner}
    path = "/v2.0/floatingips/{floatingip_id}/port_forwardings"
    return {
        ("POST", "/v2.0/networks", ""): {"network": made},
        ("POST", "/v2.0/subnets", ""): {"subnet": subnet},
        ("POST", "/v2.0/ports", ""): {"port": on_network},
        ("POST", "/v2.0/security-groups", ""): {"security_group": made},
        ("POST", "/v2.0/security-group-rules", ""): {"security_group_rule": rule},
        ("POST", "/v2.0/routers", ""): {"router": made},
        ("POST", "/v2.0/floatingips", ""): {"floatingip": floating},
        ("PUT", "/v2.0/floatingips/{floatingip_id}", ""): {"floatingip": {"port_id": None}},
        ("PUT", "/v2.0/routers/{router_id}/add_router_interface", ""): interface,
        ("PUT", "/v2.0/routers/{router_id}/remove_router_interface", ""): interface,
        ("PUT", "/v2.0/routers/{router_id}/add_extraroutes", ""): extra,
        ("PUT", "/v2.0/routers/{router_id}/remove_extraroutes", ""): extra,
        ("POST", path, ""): {"port_forwarding": {**forwarding, **address}},
        ("PUT", path + "/{port_forwarding_id}", ""): {"port_forwarding": {"external_port": 2}},
        ("POST", "/v2.0/subnetpools", ""): {"subnetpool": {**made, "prefixes": ["10.40.0.0/16"]}},
        ("POST", "/v2.0/address-scopes", ""): {"address_scope": {**made, "ip_version": 4}},
        ("POST", "/v2.0/address-groups", ""): {"address_group": made},
        ("POST", "/v2.0/default-security-group-rules", ""): {"default_security_group_rule": {"direction": "ingress"}},
        ("POST", "/v2.0/rbac-policies", ""): {"rbac_policy": {**share, "target_tenant": "x", **owner}},
        ("PUT", "/v2.0/rbac-policies/{rbac_policy_id}", ""): {"rbac_policy": {"target_tenant": "x"}},
    }


def compute_bodies(cloud: Cloud) -> dict[tuple[str, str, str], Json]:
    """Return the bodies of compute."""
    things = cloud.things
    action = "/v2.1/servers/{server_id}/action"
    server = {"name": "made", "flavorRef": "tiny", "imageRef": things["images"], "networks": "none"}
    key = {"name": "made", "public_key": KEY, "user_id": cloud.users["member"]}
    rule = {"parent_group_id": things["security-groups"], "ip_protocol": "tcp", "from_port": 1, "to_port": 1}
    return {
        ("POST", "/v2.1/servers", ""): {"server": server},
        ("POST", "/v2.1/os-keypairs", ""): {"keypair": key},
        ("POST", "/v2.1/os-security-group-rules", ""): {"security_group_rule": rule},
        ("PUT", "/v2.1/servers/{server_id}/metadata/{key}", ""): {"meta": {"colour": "green"}},
        ("PUT", "/v2.1/images/{image_id}/metadata/{key}", ""): {"meta": {"colour": "green"}},
        ("POST", "/v2.1/servers/{server_id}/os-interface", ""): {"interfaceAttachment": {}},
        ("POST", action, "resize"): {"flavorRef": "hidden"},
        ("POST", action, "createBackup"): {"name": "made", "backup_type": "daily", "rotation": 1},
        ("POST", action, "addFixedIp"): {"networkId": things["networks"]},
        ("POST", action, "lock"): None,
        ("POST", action, "unshelve"): None,
    }
