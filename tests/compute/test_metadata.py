"""What a guest reads about itself, by the metadata service and by its config drive."""

from __future__ import annotations

import base64
import json

import pytest

from welkin.services.compute.host.metadata import (
    EC2_VERSIONS,
    OPENSTACK_VERSIONS,
    Found,
    PasswordWanted,
    config_drive,
    lookup,
)
from welkin.services.compute.host.wanted import Flavor, KeyPair, Metadata, Nic, ServerWanted

SEED = bytes(512)
KEY = "ecdsa-sha2-nistp384 AAAA somebody@somewhere\n"
SERVER = ServerWanted(
    id="6f1f8c58-7b7e-4a0e-9d7a-3f5d2b1c0a99",
    name="Web Server",
    hostname="web-server",
    project_id="0123456789abcdef0123456789abcdef",
    flavor=Flavor(name="m1.tiny", vcpus=1, ram_mib=128, disk_gib=1),
    nics=(
        Nic(port_id="a", network_id="n", mac="fa:16:3e:00:00:01"),
        Nic(port_id="b", network_id="n", mac="fa:16:3e:00:00:02", tag="backup"),
    ),
    metadata=Metadata(
        meta={"role": "web"},
        key=KeyPair(name="laptop", public_key=KEY),
        user_data=base64.b64encode(b"#!/bin/sh\necho \xff\n").decode(),
        availability_zone="nova",
        reservation_id="r-abc12345",
        security_groups=("default", "web"),
        fixed_ipv4=("10.0.0.5",),
        floating_ipv4=("203.0.113.7",),
        network_data={"links": [], "networks": [], "services": []},
        vendor_data={"a": 1},
        vendor_data2={"dynamic": {"b": 2}},
        ec2_instance_id="i-00000007",
        ec2_image_id="ami-00000003",
        admin_password="only-on-the-drive",
    ),
)


def text(path: str, server: ServerWanted = SERVER) -> str:
    found = lookup(server, path, SEED)
    assert isinstance(found, Found), path
    return found.body.decode()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", "\n".join([*EC2_VERSIONS, "latest"])),
        ("/ec2/", "\n".join([*EC2_VERSIONS, "latest"])),
        ("/openstack", "\n".join([*OPENSTACK_VERSIONS, "latest"])),
        ("/latest", "meta-data/\nuser-data"),
        ("/latest/meta-data/hostname", "web-server"),
        ("/latest/meta-data/local-ipv4", "10.0.0.5"),
        ("/latest/meta-data/public-ipv4", "203.0.113.7"),
        ("/latest/meta-data/instance-id", "i-00000007"),
        ("/latest/meta-data/instance-type", "m1.tiny"),
        ("/latest/meta-data/security-groups", "default\nweb"),
        ("/latest/meta-data/placement/", "availability-zone"),
        ("/latest/meta-data/placement/availability-zone", "nova"),
        ("/latest/meta-data/public-keys/", "0=laptop"),
        ("/latest/meta-data/public-keys/0", "openssh-key"),
        ("/latest/meta-data/public-keys/0/openssh-key", KEY),
        ("/latest/meta-data/block-device-mapping/root", "/dev/vda"),
        ("/2009-04-04/meta-data/../meta-data//ami-launch-index", "0"),
        (
            "/openstack/latest/",
            "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json",
        ),
        ("/openstack/2012-08-10", "meta_data.json\nuser_data"),
    ],
)
def test_a_path_is_answered_word_for_word(path: str, answer: str) -> None:
    assert text(path) == answer


@pytest.mark.parametrize(
    "path",
    [
        "/1999-01-01/meta-data",
        "/latest/meta-data/nothing",
        "/latest/meta-data/hostname/deeper",
        "/latest/meta-data/public-keys/0/_name",
        "/1.0/meta-data/public-ipv4",
        "/openstack/2012-08-10/password",
        "/openstack/2012-08-10/network_data.json",
        "/openstack/2013-04-04/vendor_data.json",
        "/openstack/2016-06-30/vendor_data2.json",
        "/openstack/latest/nothing",
        "/openstack/1.0",
        "/openstack/content/0000",
    ],
)
def test_what_is_not_there_is_not_answered(path: str) -> None:
    assert lookup(SERVER, path, SEED) is None


def test_the_directory_lists_what_the_newest_version_has() -> None:
    names = text("/latest/meta-data/").split("\n")
    assert names == sorted(names)
    assert {"public-keys/", "placement/", "block-device-mapping/", "hostname", "local-hostname"} <= set(names)
    assert "public-keys/" not in text("/latest/meta-data", without_key()).split("\n")


def without_key() -> ServerWanted:
    return ServerWanted(id=SERVER.id, name="bare", hostname="bare", project_id="p", flavor=SERVER.flavor)


def test_meta_data_grows_with_its_versions() -> None:
    first = json.loads(text("/openstack/2012-08-10/meta_data.json"))
    assert set(first) == {
        "uuid",
        "meta",
        "public_keys",
        "keys",
        "hostname",
        "name",
        "launch_index",
        "availability_zone",
    }
    newest = json.loads(text("/openstack/latest/meta_data.json"))
    assert set(newest) - set(first) == {"random_seed", "project_id", "devices", "dedicated_cpus"}
    assert newest["public_keys"] == {"laptop": KEY}
    assert newest["keys"] == [{"name": "laptop", "type": "ssh", "data": KEY}]
    assert newest["meta"] == {"role": "web"}
    assert base64.b64decode(newest["random_seed"]) == SEED
    device = {
        "type": "nic",
        "mac": "fa:16:3e:00:00:02",
        "bus": "pci",
        "address": "0000:02:00.0",
        "vf_trusted": False,
        "tags": ["backup"],
    }
    assert newest["devices"] == [device]
    older = json.loads(text("/openstack/2016-06-30/meta_data.json"))
    assert "vf_trusted" not in older["devices"][0]


def test_user_data_comes_as_it_went_in() -> None:
    for path in ("/latest/user-data", "/openstack/latest/user_data"):
        found = lookup(SERVER, path, SEED)
        assert isinstance(found, Found) and found.body == b"#!/bin/sh\necho \xff\n"
        assert lookup(without_key(), path, SEED) is None


def test_vendor_data() -> None:
    assert json.loads(text("/openstack/latest/vendor_data.json")) == {"a": 1}
    assert json.loads(text("/openstack/latest/vendor_data2.json")) == {"static": {"a": 1}, "dynamic": {"b": 2}}


def test_the_password_is_the_handlers_business() -> None:
    assert lookup(SERVER, "/openstack/2013-10-17/password", SEED) == PasswordWanted(None)


def test_the_admin_password_never_crosses_the_network() -> None:
    for version in (*OPENSTACK_VERSIONS, "latest"):
        assert "only-on-the-drive" not in text(f"/openstack/{version}/meta_data.json")
    drive = config_drive(SERVER, SEED)
    assert json.loads(drive["openstack/latest/meta_data.json"])["admin_pass"] == "only-on-the-drive"


def test_the_config_drive_says_what_the_service_says() -> None:
    drive = config_drive(SERVER, SEED)
    for version in (*OPENSTACK_VERSIONS, "latest"):
        for name in text(f"/openstack/{version}/").split("\n"):
            if name == "password":
                continue
            document = drive[f"openstack/{version}/{name}"]
            found = lookup(SERVER, f"/openstack/{version}/{name}", SEED)
            assert isinstance(found, Found)
            if name == "meta_data.json":
                told = json.loads(document)
                del told["admin_pass"]
                assert told == json.loads(found.body)
            else:
                assert document == found.body
    ec2 = json.loads(drive["ec2/latest/meta-data.json"])
    assert ec2["public-keys"] == {"0": {"openssh-key": KEY}}
    assert drive["ec2/latest/user-data"] == b"#!/bin/sh\necho \xff\n"
