"""A server's whole life by the unmodified `openstack` command and SDK, without guests and with real ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.client import CommandFailed
from tests.contract.conftest import Site
from tests.contract.waiting import until

MEMORY = pytest.mark.client
REAL = (pytest.mark.contract, pytest.mark.qemu, pytest.mark.root)
SDK = """
import openstack
cloud = openstack.connect()
cloud.create_server("sdk", image="tiny", flavor="m1.nano", network="private", wait=True, auto_ip=True)
made = cloud.get_server("sdk")
print(made.status, made.public_v4, made.private_v4)
cloud.delete_server("sdk", wait=True, delete_ips=True)
print(cloud.get_server("sdk"))
"""


@pytest.fixture(params=[pytest.param("memory", marks=MEMORY), pytest.param("real", marks=REAL)])
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(f"{request.param}_site")
    return made


@pytest.fixture
def web(site: Site) -> Iterator[str]:
    """A server, made as users make it."""
    made = site.member.get(
        "server create --image tiny --flavor m1.nano --network private --key-name welkin"
        " --property role=web --description first --wait web"
    )
    assert made["status"] == "ACTIVE"
    yield made["id"]
    if made["id"] in {each["ID"] for each in site.member.get("server list")}:
        site.member.do(f"server delete {made['id']}")


def shown_in(site: Site, server: str, status: str) -> dict[str, Any]:
    """Wait until a server has a status and nothing is under way; return what is shown of it."""

    def look() -> dict[str, Any]:
        shown: dict[str, Any] = site.member.get(f"server show {server}")
        settled = shown["status"] == status and shown["OS-EXT-STS:task_state"] is None
        return shown if settled else {}

    return until(look, f"{server} is {status}")


def test_a_server_lives_and_dies(site: Site, web: str) -> None:
    member = site.member
    (listed,) = (each for each in member.get("server list --long") if each["ID"] == web)
    assert (listed["Name"], listed["Status"], listed["Image Name"]) == ("web", "ACTIVE", "tiny")
    member.do("server set --property tier=1 --name site --description second web")
    member.do("server unset --property role site")
    shown = member.get("server show site")
    assert (shown["properties"], shown["description"]) == ({"tier": "1"}, "second")
    for words, status in (
        ("stop", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
        ("reboot --soft", "ACTIVE"),
        ("reboot --hard", "ACTIVE"),
    ):
        member.do(f"server {words} site")
        shown_in(site, "site", status)
    member.do("server lock --reason mine site")
    assert "409" in member.refused("server stop site")
    member.do("server unlock site")
    member.do("server rebuild --image tiny --name again --wait site")
    shown_in(site, "again", "ACTIVE")
    actions = {each["Action"]: each for each in member.get("server event list again")}
    assert {"create", "stop", "start", "pause", "suspend", "resume", "reboot", "lock", "rebuild"} <= set(actions)
    event = member.get(f"server event show again {actions['create']['Request ID']}")
    assert (event["action"], event["message"]) == ("create", None)
    assert "novnc" in member.do("console url show --novnc again")
    assert isinstance(member.do("console log show --lines 5 again"), str)
    ports = {each["ID"] for each in member.get("port list --server again")}
    assert len(ports) == 1
    member.do("server delete --wait again")
    assert web not in {each["ID"] for each in member.get("server list")}
    assert not ports & {each["ID"] for each in member.get("port list")}


def test_parts_come_and_go(site: Site, web: str) -> None:
    member = site.member
    address = member.get("floating ip create public")["floating_ip_address"]
    member.do(f"server add floating ip web {address}")
    assert address in member.get("server show web")["addresses"]["private"]
    member.do(f"server remove floating ip web {address}")
    assert address not in until(lambda: member.get("server show web"), "shown")["addresses"]["private"]
    member.do(f"floating ip delete {address}")

    member.do("network create side")
    member.do("subnet create --network side --subnet-range 10.7.0.0/24 side")
    member.do("port create --network side plug")
    member.do("server add port web plug")
    until(lambda: member.get("port show plug")["status"] == "ACTIVE", "the port is active")
    assert set(member.get("server show web")["addresses"]) == {"private", "side"}
    member.do("server remove port web plug")
    until(lambda: set(member.get("server show web")["addresses"]) == {"private"}, "the port is gone")
    member.do("server add network web side")
    until(lambda: "side" in member.get("server show web")["addresses"], "the network is there")
    member.do("server remove network web side")
    until(lambda: not member.get("port list --network side --device-owner compute:nova"), "the port is gone")
    member.do("port delete plug")
    until(lambda: deleted(site, "network delete side"), "the network is gone")

    member.do("security group create strict")
    member.do("server add security group web strict")
    groups = {each["name"] for each in member.get("server show web")["security_groups"]}
    assert groups == {"default", "strict"}
    assert "in use" in member.refused("security group delete strict")
    member.do("server remove security group web strict")
    member.do("security group delete strict")


def deleted(site: Site, command: str) -> bool:
    """Return whether something could be deleted."""
    try:
        site.member.do(command)
    except CommandFailed:
        return False
    return True


def test_snapshots_and_more(site: Site, web: str) -> None:
    member, admin = site.member, site.admin
    member.do("server image create --name snapshot web")
    until(lambda: member.get("image show snapshot")["status"] == "active", "the image is there")
    member.do("image delete snapshot")
    shown_in(site, "web", "ACTIVE")
    member.do("server resize --flavor m1.micro web")
    shown_in(site, "web", "VERIFY_RESIZE")
    member.do("server resize confirm web")
    assert shown_in(site, "web", "ACTIVE")["flavor"]["name"] == "m1.micro"
    member.do("server shelve web")
    shown_in(site, "web", "SHELVED_OFFLOADED")
    member.do("server unshelve web")
    shown_in(site, "web", "ACTIVE")
    member.do("server rescue web")
    shown_in(site, "web", "RESCUE")
    member.do("server unrescue web")
    shown_in(site, "web", "ACTIVE")
    (everywhere,) = (each for each in admin.get("server list --all-projects --long") if each["ID"] == web)
    assert everywhere["Host"]
    assert admin.get("usage show --project demo")["Servers"]


def test_the_sdk_does_it_all_in_one_call(site: Site) -> None:
    command = [str(site.client.bin / "python"), "-W", "ignore", "-c", SDK]
    done = subprocess.run(command, env=site.member.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, gone = done.stdout.splitlines()
    status, public, private = said.split()
    assert status == "ACTIVE" and public.startswith(site.cloud.external[:9]) and private.startswith("10.0.0.")
    assert gone == "None"
    assert not site.member.get("floating ip list")
