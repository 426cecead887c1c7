"""What a guest reads about itself: the metadata service's answers and the config drive's files.  Pure.

Both are made from the same document by the same functions, so they cannot differ.
The layout is EC2's, and OpenStack's own beside it (nova:doc/source/user/metadata.rst).
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

import msgspec
from msgspec import Struct

from welkin.services.compute.host.wanted import Nic, ServerWanted

EC2_VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
)
FOLSOM, GRIZZLY, HAVANA, LIBERTY = "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15"
NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY = "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27"
VICTORIA, EPOXY = "2020-10-14", "2025-04-04"
OPENSTACK_VERSIONS = (
    FOLSOM,
    GRIZZLY,
    HAVANA,
    LIBERTY,
    NEWTON_ONE,
    NEWTON_TWO,
    OCATA,
    ROCKY,
    VICTORIA,
    EPOXY,
)
LATEST = "latest"
PASSWORD_BYTES_MAX = 4 * 255
PLAIN, JSON = "text/plain; charset=UTF-8", "application/json; charset=UTF-8"
CONFIG_DRIVE_LABEL = "config-2"


class Found(Struct, frozen=True):
    """An answer of the metadata service."""

    body: bytes
    content_type: str = PLAIN


class PasswordWanted(Struct, frozen=True):
    """The path is that of the password: GET answers `current`, POST stores one where there is none yet."""

    current: str | None


def lookup(server: ServerWanted, path: str, random_seed: bytes) -> Found | PasswordWanted | None:
    """Return what lies at `path` for this server, or None where there is nothing.

    random_seed  512 fresh random bytes, handed out as entropy from 2013-04-04 on.
    """
    parts = [part for part in posixpath.normpath("/" + path).split("/") if part]
    if not parts or parts == ["ec2"]:
        return _plain("\n".join([*EC2_VERSIONS, LATEST]))
    if parts[0] == "openstack":
        return _openstack(server, parts[1:], random_seed)
    return _ec2(server, parts[1:] if parts[0] == "ec2" else parts)


def config_drive(server: ServerWanted, random_seed: bytes) -> dict[str, bytes]:
    """Return the files of the server's config drive, by relative path."""
    files: dict[str, bytes] = {}
    for version in (*EC2_VERSIONS, LATEST):
        tree = _ec2_tree(server, EC2_VERSIONS[-1] if version == LATEST else version)
        if "user-data" in tree:
            files[f"ec2/{version}/user-data"] = tree["user-data"]
        files[f"ec2/{version}/meta-data.json"] = _json(_without_names(tree["meta-data"]))
    for version in (*OPENSTACK_VERSIONS, LATEST):
        for name, body in _documents(server, version, random_seed, on_drive=True):
            files[f"openstack/{version}/{name}"] = body
    return files


# EC2's layout: a tree of texts; a directory lists its children, with a slash after those that are directories.


def _ec2(server: ServerWanted, parts: list[str]) -> Found | None:
    version = EC2_VERSIONS[-1] if parts[0] == LATEST else parts[0]
    if version not in EC2_VERSIONS:
        return None
    node: Any = _ec2_tree(server, version)
    for part in parts[1:]:
        if not isinstance(node, dict) or part not in node or part == "_name":
            return None
        node = node[part]
    return Found(node) if isinstance(node, bytes) else _plain(_listing(node))


def _ec2_tree(server: ServerWanted, version: str) -> dict[str, Any]:
    known = server.metadata
    fixed_ip = known.fixed_ipv4[0] if known.fixed_ipv4 else ""
    floating_ip = known.floating_ipv4[0] if known.floating_ipv4 else ""
    meta: dict[str, Any] = {
        "ami-id": known.ec2_image_id,
        "ami-launch-index": known.launch_index,
        "ami-manifest-path": "FIXME",  # what every OpenStack answers, word for word
        "hostname": server.hostname,
        "instance-id": known.ec2_instance_id,
        "local-ipv4": fixed_ip,
        "reservation-id": known.reservation_id,
        "security-groups": list(known.security_groups),
    }
    if known.key is not None:
        meta["public-keys"] = {"0": {"_name": f"0={known.key.name}", "openssh-key": known.key.public_key}}
    later: dict[str, dict[str, Any]] = {
        "2007-01-19": {
            "local-hostname": server.hostname,
            "public-hostname": server.hostname,
            "public-ipv4": floating_ip,
        },
        "2007-08-29": {"instance-type": server.flavor.name},
        "2007-12-15": {
            "block-device-mapping": {"ami": posixpath.basename(known.root_device), "root": known.root_device}
        },
        "2008-02-01": {"placement": {"availability-zone": known.availability_zone}},
        "2008-09-01": {"instance-action": "none"},
    }
    for since, entries in later.items():
        if EC2_VERSIONS.index(version) >= EC2_VERSIONS.index(since):
            meta |= entries
    tree: dict[str, Any] = {"meta-data": meta}
    user_data = _user_data(server)
    if user_data is not None:
        tree["user-data"] = user_data
    return tree


def _listing(node: Any) -> str:
    """Write a node of the tree as EC2 does: names of children, or lines of a list, or the text itself."""
    if isinstance(node, Mapping):
        lines = []
        for name in sorted(name for name in node if name != "_name"):
            child = node[name]
            is_directory = isinstance(child, Mapping)
            lines.append(str(child["_name"]) if is_directory and "_name" in child else name + "/" * is_directory)
        return "\n".join(lines)
    if isinstance(node, list):
        return "\n".join(map(str, node))
    return str(node)


def _without_names(node: Any) -> Any:
    """Drop the names that only listings show."""
    if isinstance(node, Mapping):
        return {key: _without_names(child) for key, child in node.items() if key != "_name"}
    return node


# OpenStack's layout: documents for each version.


def _openstack(server: ServerWanted, parts: list[str], random_seed: bytes) -> Found | PasswordWanted | None:
    if not parts:
        return _plain("\n".join([*OPENSTACK_VERSIONS, LATEST]))
    version, name = parts[0], "/".join(parts[1:])
    if version != LATEST and version not in OPENSTACK_VERSIONS:
        return None
    documents = dict(_documents(server, version, random_seed, on_drive=False))
    has_password = _is_since(version, GRIZZLY)
    if not name:
        order = [
            "meta_data.json",
            "user_data",
            "password",
            "vendor_data.json",
            "network_data.json",
            "vendor_data2.json",
        ]
        names = [each for each in order if each in documents or (each == "password" and has_password)]
        return _plain("\n".join(names))
    if name == "password" and has_password:
        return PasswordWanted(server.metadata.password)
    if name not in documents:
        return None
    return Found(documents[name], PLAIN if name in ("user_data", "network_data.json") else JSON)


def _documents(
    server: ServerWanted, version: str, random_seed: bytes, *, on_drive: bool
) -> Iterator[tuple[str, bytes]]:
    yield "meta_data.json", _json(_meta_data(server, version, random_seed, on_drive=on_drive))
    user_data = _user_data(server)
    if user_data is not None:
        yield "user_data", user_data
    if _is_since(version, HAVANA):
        yield "vendor_data.json", _json(server.metadata.vendor_data)
    if _is_since(version, LIBERTY):
        yield "network_data.json", _json(server.metadata.network_data)
    if _is_since(version, NEWTON_TWO):
        yield "vendor_data2.json", _json({"static": server.metadata.vendor_data, **server.metadata.vendor_data2})


def _meta_data(server: ServerWanted, version: str, random_seed: bytes, *, on_drive: bool) -> dict[str, Any]:
    known = server.metadata
    found: dict[str, Any] = {"uuid": server.id}
    if known.meta:
        found["meta"] = known.meta
    if on_drive and known.admin_password is not None:
        found["admin_pass"] = known.admin_password  # never over the network, where neighbours might ask
    if known.key is not None:
        found["public_keys"] = {known.key.name: known.key.public_key}
        found["keys"] = [{"name": known.key.name, "type": known.key.type, "data": known.key.public_key}]
    found |= {
        "hostname": server.hostname,
        "name": server.name,
        "launch_index": known.launch_index,
        "availability_zone": known.availability_zone,
    }
    if _is_since(version, GRIZZLY):
        found["random_seed"] = base64.b64encode(random_seed).decode()
    if _is_since(version, LIBERTY):
        found["project_id"] = server.project_id
    if _is_since(version, NEWTON_ONE):
        found["devices"] = [
            _device(nic, place, version) for place, nic in enumerate(server.nics) if nic.tag is not None
        ]
    if _is_since(version, VICTORIA):
        found["dedicated_cpus"] = []
    return found


def is_source(nic: Nic, address: str) -> bool:
    """Say whether a card may send from `address`: one of its own, or its link-local one."""
    plain = ip_address(address.partition("%")[0])
    if plain.version == 6 and plain.is_link_local:
        octets = bytes.fromhex(nic.mac.replace(":", ""))
        own = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
        return plain.packed[8:] == own
    return any(ip_address(each) == plain for each in nic.fixed_ips)


def _device(nic: Nic, place: int, version: str) -> dict[str, Any]:
    """Describe a tagged network card; cards sit behind the first root ports, one bus each."""
    device: dict[str, Any] = {"type": "nic", "mac": nic.mac, "bus": "pci", "address": f"0000:{place + 1:02x}:00.0"}
    if _is_since(version, ROCKY):
        device["vf_trusted"] = False
    return device | {"tags": [nic.tag]}


def _is_since(version: str, first: str) -> bool:
    return version == LATEST or version >= first


def _user_data(server: ServerWanted) -> bytes | None:
    text = server.metadata.user_data
    return None if text is None else base64.b64decode(text)


def _json(document: Any) -> bytes:
    return msgspec.json.encode(document)


def _plain(text: str) -> Found:
    return Found(text.encode())
