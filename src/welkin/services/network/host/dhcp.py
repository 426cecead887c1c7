"""What dnsmasq is told: the addresses that each guest of a network gets, and a router's advertisements."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from welkin.services.network.driver import DhcpService
from welkin.services.network.host.filters import METADATA_ADDRESS
from welkin.services.network.host.wanted import NetworkWanted, Port, RouterLeg, Subnet

WORD = re.compile(r"[A-Za-z0-9._-]+")
LEASE_S = 86400
ROUTER_OWNER = "network:router_interface"
ADVERTISE_EVERY_S = 30
RELAY_ADDRESS, RELAY_PORT = "127.0.0.1", 9753
"""Where dnsmasq asks for names that it does not know; see drivers/names.py."""
LEASES_MIN = 1024
METADATA_ROUTE = f"{METADATA_ADDRESS}/32"
ADVERTISEMENT = {"slaac": "ra-only", "dhcpv6-stateless": "ra-stateless", "dhcpv6-stateful": "static"}

COMMON = """\
keep-in-foreground
log-facility=-
no-resolv
no-hosts
bind-dynamic
except-interface=lo
"""


def served(network: NetworkWanted) -> list[Subnet]:
    """Return the subnets that our DHCP server answers for."""
    return [
        subnet
        for subnet in network.subnets
        if subnet.enable_dhcp and subnet.dhcp_address and subnet.ipv6_address_mode != "slaac"
    ]


def asks_outside(network: NetworkWanted) -> bool:
    """Say whether guests' questions for other names are carried on: where a subnet names no DNS server.

    A network without a router has no way out, and names would be one.
    """
    routed = any(port.device_owner == ROUTER_OWNER for port in network.ports)
    return routed and any(not subnet.dns_nameservers for subnet in served(network))


def dhcp_service(network: NetworkWanted, device: str) -> DhcpService | None:
    """Return what the network's DHCP server is told; None where there is nothing to serve."""
    subnets = {subnet.id: (f"s{place}", subnet) for place, subnet in enumerate(served(network))}
    if not subnets:
        return None
    options = COMMON + "dhcp-authoritative\n" + f"interface={device}\n"
    options += "dhcp-leasefile={folder}/leases\ndhcp-hostsfile={folder}/hosts\n"
    options += "dhcp-optsfile={folder}/options\naddn-hosts={folder}/names\n"
    options += f"dhcp-option-force=option:mtu,{network.mtu}\n"
    leases = {(port.mac, fixed.address) for port in network.ports for fixed in port.fixed_ips}
    options += f"dhcp-lease-max={_leases_max(len(leases))}\n"
    if asks_outside(network):
        options += f"domain-needed\nserver={RELAY_ADDRESS}#{RELAY_PORT}\n"
    domain = _word(network.dns_domain.rstrip("."))
    if domain:
        options += f"domain={domain}\nlocal=/{domain}/\n"
    options += "".join(_range(tag, subnet) for tag, subnet in subnets.values())
    # Not by a tag in the hosts file: dnsmasq 2.86 to 2.90 crash when they forget one that was used.
    options += "".join(f"dhcp-mac=set:{_tag(port)},{port.mac}\n" for port in network.ports if port.dhcp_options)
    places = {id: tag for id, (tag, _) in subnets.items()}
    files = {
        "hosts": "".join(sorted(_hosts(network.ports, places))),
        "names": "".join(sorted(_names(network.ports, domain))),
        "options": "".join([*_options(subnets.values()), *_port_options(network.ports)]),
    }
    return DhcpService(device=device, options=options, files=files, leases=frozenset(leases))


def _leases_max(count: int) -> int:
    """Return room for twice as many, in steps: a server with another limit must be started anew."""
    return max(LEASES_MIN, 1 << (2 * count).bit_length())


def _range(tag: str, subnet: Subnet) -> str:
    network = ipaddress.ip_network(subnet.cidr)
    mask = network.netmask if network.version == 4 else network.prefixlen
    return f"dhcp-range=set:{tag},{network.network_address},static,{mask},{LEASE_S}\n"


def _hosts(ports: Sequence[Port], places: dict[str, str]) -> Iterable[str]:
    """One line for each IPv4 address; those of IPv6 stand on the port's first, or dnsmasq takes them for doubles."""
    for port in ports:
        if port.device_owner.startswith("network:"):
            continue
        addresses = [fixed.address for fixed in port.fixed_ips if fixed.subnet_id in places]
        four = [each for each in addresses if ":" not in each]
        six = [f"[{each}]" for each in addresses if ":" in each]
        for line in [[*four[:1], *six], *([each] for each in four[1:])]:
            if line:
                name = _name(port, line[0].strip("[]"))
                yield ",".join([port.mac, *line, name]) + "\n"


def _name(port: Port, address: str) -> str:
    return _word(port.hostname) or "host-" + address.replace(".", "-").replace(":", "-")


def _names(ports: Sequence[Port], domain: str) -> Iterable[str]:
    for port in ports:
        for fixed in port.fixed_ips:
            name = _name(port, fixed.address)
            yield f"{fixed.address} {name}.{domain} {name}\n" if domain else f"{fixed.address} {name}\n"


def _word(text: str) -> str:
    """Return `text` if it is a name, else nothing: what people type must not become lines of a configuration."""
    return text if WORD.fullmatch(text) else ""


def _tag(port: Port) -> str:
    return "p" + port.id.replace("-", "")


def _options(subnets: Iterable[tuple[str, Subnet]]) -> Iterable[str]:
    for tag, subnet in subnets:
        if ":" in subnet.cidr:
            servers = ",".join(f"[{each}]" for each in subnet.dns_nameservers or [str(subnet.dhcp_address)])
            yield f"tag:{tag},option6:dns-server,{servers}\n"
            continue
        servers = ",".join(subnet.dns_nameservers or [str(subnet.dhcp_address)])
        routes = [f"{each.destination},{each.nexthop}" for each in subnet.host_routes]
        if not any(each.destination == METADATA_ROUTE for each in subnet.host_routes):
            routes.append(f"{METADATA_ROUTE},{subnet.dhcp_address}")
        if subnet.gateway_ip and not any(each.destination == "0.0.0.0/0" for each in subnet.host_routes):
            routes.append(f"0.0.0.0/0,{subnet.gateway_ip}")
        yield f"tag:{tag},option:dns-server,{servers}\n"
        yield f"tag:{tag},option:router{',' + subnet.gateway_ip if subnet.gateway_ip else ''}\n"
        for number in (121, 249):  # 249 is what Windows asks for
            yield f"tag:{tag},{number},{','.join(routes)}\n"


def _port_options(ports: Sequence[Port]) -> Iterable[str]:
    for port in ports:
        for each in port.dhcp_options:
            if not each.value.isprintable() or not _word(each.name):
                continue  # it would be a line of its own, and say anything
            family = "6" if each.ip_version == 6 else ""
            name = each.name if each.name.isdigit() and not family else f"option{family}:{each.name}"
            yield f"tag:{_tag(port)},{name},{each.value}\n"


def advertisements(legs: Sequence[RouterLeg], device_of: dict[str, str]) -> DhcpService | None:
    """Return what a router's advertiser is told, for the legs that shall say who they are."""
    speaking = [leg for leg in legs if leg.ra_mode and any(":" in each for each in leg.addresses)]
    if not speaking:
        return None
    options = COMMON + "port=0\nenable-ra\ndhcp-leasefile={folder}/leases\n"
    for leg in speaking:
        device = device_of[leg.port_id]
        options += f"interface={device}\nra-param={device},mtu:{leg.mtu},{ADVERTISE_EVERY_S}\n"
        for each in leg.addresses:
            found = ipaddress.ip_interface(each)
            if found.version == 6:
                mode = ADVERTISEMENT[leg.ra_mode or "slaac"]
                network = found.network
                options += f"dhcp-range={network.network_address},{mode},{network.prefixlen},{LEASE_S}\n"
    return DhcpService(device=device_of[speaking[0].port_id], options=options)
