"""A stranger with things of their own, who tries to join them to the first project's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.rbac.things import GUEST_DISK
from tests.rbac.world import Cloud

NETWORK, COMPUTE, IMAGE = "/network/v2.0", "/compute/v2.1", "/image/v2"
Attempt = tuple[str, str, dict[str, Any]]


class Stranger:
    """Somebody who knows every id of the first project."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.theirs = cloud, cloud.things
        self.own: dict[str, str] = {}

    async def move_in(self) -> None:
        """Make a network, a router, a floating IP, a group, an image and a server."""
        await self._make("network", f"{NETWORK}/networks", {"network": {"name": "mine"}})
        subnet = {"network_id": self.own["network"], "ip_version": 4, "cidr": "10.66.0.0/24"}
        await self._make("subnet", f"{NETWORK}/subnets", {"subnet": subnet})
        port = {"network_id": self.own["network"]}
        await self._make("port", f"{NETWORK}/ports", {"port": port})
        gateway = {"network_id": self.theirs["outside"]}
        await self._make("router", f"{NETWORK}/routers", {"router": {"external_gateway_info": gateway}})
        floating = {"floating_network_id": self.theirs["outside"]}
        await self._make("floatingip", f"{NETWORK}/floatingips", {"floatingip": floating})
        await self._make("group", f"{NETWORK}/security-groups", {"security_group": {"name": "mine"}})
        image = {"name": "mine", "disk_format": "raw", "container_format": "bare"}
        await self._make("image", f"{IMAGE}/images", image)
        await self.cloud.make("stranger", f"{IMAGE}/images/{self.own['image']}/file", GUEST_DISK, "PUT")
        server = {**self._server(), "networks": [{"port": self.own["port"]}]}
        answer = await self.cloud.ask("stranger", "POST", f"{COMPUTE}/servers", {"server": server})
        assert answer.status == 202, answer.text
        self.own["server"] = answer.json()["server"]["id"]
        await self.cloud.until("stranger", f"{COMPUTE}/servers/{self.own['server']}", {"status": "ACTIVE"})

    def attempts(self) -> Iterator[Attempt]:
        """Return requests of which each must be refused."""
        yield from self._on_networks()
        yield from self._on_ports()
        yield from self._on_addresses()
        yield from self._in_identity()
        for more in self._servers():
            yield "POST", f"{COMPUTE}/servers", {"server": {**self._server(), "networks": "none", **more}}
        hints = {"os:scheduler_hints": {"group": self.theirs["os-server-groups"]}}
        yield "POST", f"{COMPUTE}/servers", {"server": {**self._server(), "networks": "none"}, **hints}
        for action in self._actions():
            yield "POST", f"{COMPUTE}/servers/{self.own['server']}/action", action
        for wanted in ({"net_id": self.theirs["networks"]}, {"port_id": self.theirs["ports"]}):
            path = f"{COMPUTE}/servers/{self.own['server']}/os-interface"
            yield "POST", path, {"interfaceAttachment": wanted}

    def version(self, body: dict[str, Any]) -> dict[str, str]:
        """Return the headers for a request: some actions are of old versions only."""
        old = {"addFixedIp", "addFloatingIp"} & set(body)
        return {"OpenStack-API-Version": "compute 2.43"} if old else {}

    async def _make(self, name: str, path: str, body: dict[str, Any]) -> None:
        self.own[name] = (await self.cloud.make("stranger", path, body))["id"]

    def _server(self) -> dict[str, Any]:
        return {"name": "mine", "flavorRef": "tiny", "imageRef": self.own["image"]}

    def _servers(self) -> Iterator[dict[str, Any]]:
        theirs = self.theirs
        yield {"networks": [{"uuid": theirs["networks"]}]}
        yield {"networks": [{"port": theirs["ports"]}]}
        yield {"networks": [{"uuid": self.own["network"]}], "security_groups": [{"name": theirs["security-groups"]}]}
        yield {"imageRef": theirs["images"]}
        yield {"flavorRef": theirs["flavors"]}
        yield {"key_name": theirs["os-keypairs"]}
        yield {"imageRef": theirs["images"], "networks": [{"uuid": theirs["networks"]}]}

    def _actions(self) -> Iterator[dict[str, Any]]:
        theirs = self.theirs
        yield {"rebuild": {"imageRef": theirs["images"]}}
        yield {"rebuild": {"imageRef": self.own["image"], "key_name": theirs["os-keypairs"]}}
        yield {"rescue": {"rescue_image_ref": theirs["images"]}}
        yield {"resize": {"flavorRef": theirs["flavors"]}}
        yield {"addSecurityGroup": {"name": theirs["security-groups"]}}
        yield {"addFixedIp": {"networkId": theirs["networks"]}}
        yield {"addFloatingIp": {"address": theirs["floating_ip_address"]}}

    def _on_networks(self) -> Iterator[Attempt]:
        theirs, own = self.theirs, self.own
        subnet = {"network_id": theirs["networks"], "ip_version": 4, "cidr": "10.67.0.0/24"}
        yield "POST", f"{NETWORK}/subnets", {"subnet": subnet}
        pool = {"network_id": own["network"], "ip_version": 4, "subnetpool_id": theirs["subnetpools"]}
        yield "POST", f"{NETWORK}/subnets", {"subnet": pool}
        scoped = {"name": "mine", "prefixes": ["10.68.0.0/16"], "address_scope_id": theirs["address-scopes"]}
        yield "POST", f"{NETWORK}/subnetpools", {"subnetpool": scoped}
        kinds = (
            ("network", "networks", "access_as_shared"),
            ("network", "networks", "access_as_external"),
            ("security_group", "security-groups", "access_as_shared"),
            ("address_scope", "address-scopes", "access_as_shared"),
            ("subnetpool", "subnetpools", "access_as_shared"),
            ("address_group", "address-groups", "access_as_shared"),
        )
        for kind, name, action in kinds:
            share = {"object_type": kind, "object_id": theirs[name], "action": action}
            target = {"target_tenant": self.cloud.projects["second"]}
            yield "POST", f"{NETWORK}/rbac-policies", {"rbac_policy": {**share, **target}}

    def _on_ports(self) -> Iterator[Attempt]:
        theirs, own = self.theirs, self.own
        yield "POST", f"{NETWORK}/ports", {"port": {"network_id": theirs["networks"]}}
        guarded = {"network_id": own["network"], "security_groups": [theirs["security-groups"]]}
        yield "POST", f"{NETWORK}/ports", {"port": guarded}
        addressed = {"network_id": own["network"], "fixed_ips": [{"subnet_id": theirs["subnets"]}]}
        yield "POST", f"{NETWORK}/ports", {"port": addressed}
        path = f"{NETWORK}/ports/{own['port']}"
        yield "PUT", path, {"port": {"security_groups": [theirs["security-groups"]]}}
        yield "PUT", path, {"port": {"fixed_ips": [{"subnet_id": theirs["subnets"]}]}}
        rule = {"direction": "ingress", "protocol": "tcp"}
        for reference in (
            {"security_group_id": theirs["security-groups"]},
            {"security_group_id": own["group"], "remote_group_id": theirs["security-groups"]},
            {"security_group_id": own["group"], "remote_address_group_id": theirs["address-groups"]},
        ):
            yield "POST", f"{NETWORK}/security-group-rules", {"security_group_rule": {**rule, **reference}}

    def _on_addresses(self) -> Iterator[Attempt]:
        theirs, own = self.theirs, self.own
        joined = {"floating_network_id": theirs["outside"], "port_id": theirs["ports"]}
        yield "POST", f"{NETWORK}/floatingips", {"floatingip": joined}
        yield "POST", f"{NETWORK}/floatingips", {"floatingip": {"floating_network_id": theirs["networks"]}}
        yield "PUT", f"{NETWORK}/floatingips/{own['floatingip']}", {"floatingip": {"port_id": theirs["ports"]}}
        router = f"{NETWORK}/routers/{own['router']}"
        yield "PUT", f"{router}/add_router_interface", {"subnet_id": theirs["subnets"]}
        yield "PUT", f"{router}/add_router_interface", {"port_id": theirs["ports"]}
        yield "PUT", router, {"router": {"external_gateway_info": {"network_id": theirs["networks"]}}}
        forwarding = {"internal_port_id": theirs["ports"], "internal_port": 1, "external_port": 1, "protocol": "tcp"}
        path = f"{NETWORK}/floatingips/{own['floatingip']}/port_forwardings"
        yield "POST", path, {"port_forwarding": {**forwarding, "internal_ip_address": "10.9.0.9"}}

    def _in_identity(self) -> Iterator[Attempt]:
        users, first = self.cloud.users, self.cloud.projects["first"]
        trust = {"trustor_user_id": users["stranger"], "trustee_user_id": users["friend"], "impersonation": False}
        body = {"trust": {**trust, "project_id": first, "roles": [{"name": "member"}]}}
        yield "POST", "/identity/v3/OS-TRUST/trusts", body
        credential = {"type": "cert", "blob": "x", "user_id": users["member"]}
        yield "POST", "/identity/v3/credentials", {"credential": credential}
