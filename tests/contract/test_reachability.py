"""What a guest can reach and who can reach it: addresses, security groups, tenants, metadata; and what remains."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.conftest import Site
from tests.contract.machines import Machine
from tests.contract.waiting import until
from welkin.cli.launch import greets

pytestmark = [pytest.mark.contract, pytest.mark.qemu, pytest.mark.root]

USER_DATA = "#!/bin/sh\necho user-data ran on $(hostname) >/tmp/ran\n"
OTHER = "--os-project-name other"
BETA_ADDRESS = "10.0.0.77"
MEETING = {"alpha": "10.8.0.11", "beta": "10.8.0.12", "gamma": "10.8.0.13"}
LISTENING_PORT = 9000


@dataclass(frozen=True)
class Trio:
    """Alpha and beta are of one tenant and gamma of another; all have a second port on a network that is shared.

    Gamma's own network has the range of theirs, and gamma the very address of beta.
    """

    site: Site
    alpha: Machine
    beta: Machine
    gamma: Machine
    alpha_private: str


@pytest.fixture(scope="module")
def trio(real_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    folder = tmp_path_factory.mktemp("trio")
    (folder / "user-data").write_text(USER_DATA)
    make_networks(real_site)
    ids = {name: make_server(real_site, name, folder / "user-data") for name in MEETING}
    member = real_site.member
    addresses = {}
    for name, project in (("alpha", ""), ("gamma", OTHER)):
        addresses[name] = member.get(f"{project} floating ip create public")["floating_ip_address"]
        member.do(f"{project} server add floating ip --fixed-ip-address {own_address(name)} {name} {addresses[name]}")
    alpha = Machine(ids["alpha"], addresses["alpha"], real_site.key)
    gamma = Machine(ids["gamma"], addresses["gamma"], real_site.key)
    beta = Machine(ids["beta"], BETA_ADDRESS, real_site.key, through=alpha)
    for machine in (alpha, gamma, beta):
        machine.until_login()
    yield Trio(real_site, alpha, beta, gamma, own_address("alpha"))
    for name in ("beta", "gamma"):
        member.do(f"{OTHER if name == 'gamma' else ''} server delete {name}")


def make_networks(site: Site) -> None:
    """Make the other tenant, its network, and the network that all share."""
    member, admin = site.member, site.admin
    admin.do("project create other")
    admin.do("role add --user demo --project other member")
    admin.do("network create --share meeting")
    admin.do("subnet create --network meeting --subnet-range 10.8.0.0/24 --gateway none meeting")
    member.do(f"{OTHER} network create own")
    member.do(f"{OTHER} subnet create --network own --subnet-range 10.0.0.0/24 own")
    member.do(f"{OTHER} router create --external-gateway public way")
    member.do(f"{OTHER} router add subnet way own")
    member.do(f"{OTHER} security group rule create --protocol tcp --dst-port 22 default")
    member.do("security group create members")
    member.do("security group rule create --protocol udp --remote-group members members")


def own_address(name: str) -> str:
    """Return the address of a guest on its tenant's network."""
    return {"alpha": "10.0.0.76", "beta": BETA_ADDRESS, "gamma": BETA_ADDRESS}[name]


def make_server(site: Site, name: str, user_data: Path) -> str:
    """Start a guest with a port on its tenant's network and one on the shared one; return its id."""
    project, network = (OTHER, "own") if name == "gamma" else ("", "private")
    member = site.member
    member.do(f"{project} port create --network {network} --fixed-ip ip-address={own_address(name)} {name}-own")
    # Only its owner and administrators choose addresses on a network.
    owner = "--project other" if name == "gamma" else "--project demo --security-group members"
    fixed = f"--network meeting --fixed-ip ip-address={MEETING[name]}"
    site.admin.do(f"port create {owner} {fixed} {name}-meeting")
    words = f"server create --image tiny --flavor m1.nano --key-name welkin --port {name}-own --port {name}-meeting"
    more = {"alpha": f"--user-data {user_data} --property role=first", "beta": "--config-drive True", "gamma": ""}
    return str(member.get(f"{project} {words} {more[name]} {name}")["id"])


def test_a_guest_knows_who_it_is(trio: Trio) -> None:
    alpha = trio.alpha
    told = json.loads(alpha.run("curl -sf http://169.254.169.254/openstack/latest/meta_data.json"))
    assert (told["uuid"], told["name"], told["meta"]) == (alpha.id, "alpha", {"role": "first"})
    assert trio.site.key.with_suffix(".pub").read_text().strip() in told["public_keys"]["welkin"]
    assert alpha.run("curl -sf http://169.254.169.254/openstack/latest/user_data") == USER_DATA
    assert alpha.run("cat /tmp/ran") == "user-data ran on alpha\n"
    assert alpha.run("hostname") == "alpha\n"
    drive = trio.beta.run("mount $(blkid -L config-2 -o device) /mnt; cat /mnt/openstack/latest/meta_data.json")
    assert json.loads(drive)["name"] == "beta"
    assert not alpha.can("blkid -L config-2"), "alpha has a config drive that nobody asked for"
    log = until(lambda: log_with(trio.site, "alpha login:"), "the console shows the login prompt")
    assert "Linux version" in log


def log_with(site: Site, words: str) -> str:
    """Return alpha's console log if `words` are in it."""
    log = site.member.do("console log show alpha")
    return log if words in log else ""


def test_guests_of_one_tenant_reach_each_other_and_no_others(trio: Trio) -> None:
    assert trio.beta.run("hostname") == "beta\n", "the address that beta and gamma share led to the wrong one"
    assert f"inet {BETA_ADDRESS}/24" in trio.gamma.run("ip -4 addr show eth0")
    assert trio.alpha.can(f"ping -c1 -w5 {BETA_ADDRESS}")
    assert trio.beta.can(f"ping -c1 -w5 {trio.alpha_private}")
    assert not trio.gamma.can(f"ping -c1 -w2 {trio.alpha_private}")
    assert trio.alpha.can(f"ping -c1 -w5 {MEETING['gamma']}") is False, "gamma's group lets nobody ping"


def test_a_forged_address_reaches_nobody(trio: Trio) -> None:
    target = f"{MEETING['alpha']}:{LISTENING_PORT}"
    hear = f"socat -u UDP-RECV:{LISTENING_PORT} OPEN:/tmp/heard,creat,append"
    trio.alpha.run(f"rm -f /tmp/heard; start-stop-daemon -S -b -x /bin/sh -- -c '{hear}'")
    say = "echo {} | socat -u - UDP-SENDTO:" + target + "{}"

    def heard(words: str) -> bool:
        trio.beta.run(say.format(words, ""))
        return words in trio.alpha.run("cat /tmp/heard || true")

    until(lambda: heard("beta"), "alpha hears beta")
    mac = trio.alpha.run("cat /sys/class/net/eth1/address").strip()
    beta_mac = trio.beta.run("cat /sys/class/net/eth1/address").strip()
    known = f"arp -i eth1 -s {MEETING['alpha']} {mac}"
    trio.gamma.run(f"{known}; {say.format('gamma', '')}")
    bound = say.format("forged", f",bind={MEETING['beta']}")
    trio.gamma.run(f"ip addr add {MEETING['beta']}/24 dev eth1; {bound}")
    disguise = f"ip link set eth1 down; ip link set eth1 address {beta_mac}; ip link set eth1 up"
    trio.gamma.run(f"{disguise}; ip addr replace {MEETING['beta']}/24 dev eth1; {known}; {bound}")
    until(lambda: heard("beta again"), "alpha hears beta still")
    said = trio.alpha.run("cat /tmp/heard")
    assert "gamma" not in said and "forged" not in said, said


def test_the_world_outside_sees_the_routers_address_or_the_guests_own(trio: Trio) -> None:
    member = trio.site.member
    router = member.get("router show router1")
    gateway = router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    assert peer_of(trio.site, trio.beta) == gateway
    assert peer_of(trio.site, trio.alpha) == trio.alpha.address


def peer_of(site: Site, machine: Machine) -> str:
    """Have a guest connect to this host, and return the address that it came from."""
    address = site.cloud.external.partition("/")[0]
    peers: list[str] = []
    with socket.create_server((address, 0)) as listener:
        listener.settimeout(20)

        def accept() -> None:
            connection, peer = listener.accept()
            connection.close()
            peers.append(peer[0])

        thread = threading.Thread(target=accept)
        thread.start()
        machine.run(f"socat -u /dev/null TCP:{address}:{listener.getsockname()[1]},connect-timeout=5")
        thread.join()
    return peers[0]


def test_security_groups_decide_who_gets_in(trio: Trio) -> None:
    member, address = trio.site.member, trio.alpha.address
    serve = "socat TCP-LISTEN:8080,fork,reuseaddr EXEC:/tmp/say"
    trio.alpha.run("printf '#!/bin/sh\\necho hello\\n' >/tmp/say; chmod +x /tmp/say")
    trio.alpha.run(f"start-stop-daemon -S -b -x /bin/sh -- -c '{serve}'")
    until(lambda: trio.alpha.can("socat -u TCP:127.0.0.1:8080 - | grep hello"), "it is served")
    assert not answers(address, 8080)
    rule = member.get("security group rule create --protocol tcp --dst-port 8080 default")
    until(lambda: answers(address, 8080), "the rule lets in")
    member.do(f"security group rule delete {rule['id']}")
    until(lambda: not answers(address, 8080), "the rule is gone")
    (ssh,) = (each for each in member.get("security group rule list --protocol tcp default") if each["Port Range"])
    assert greets(address)
    member.do(f"security group rule delete {ssh['ID']}")
    until(lambda: not greets(address), "ssh is refused")
    member.do("security group rule create --protocol tcp --dst-port 22 default")
    until(lambda: greets(address), "ssh is let in again")


def answers(address: str, port: int) -> bool:
    """Return whether somebody takes a connection and says something."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False


def test_nothing_remains_of_a_deleted_guest(trio: Trio) -> None:
    folder = trio.site.cloud.folder / "servers" / trio.alpha.id
    assert folder.exists() and running(trio.alpha.id)
    trio.site.member.do("server delete --wait alpha")
    until(lambda: not folder.exists() and not running(trio.alpha.id), "disk and process are gone")
    until(lambda: not greets(trio.alpha.address), "nobody answers at its address")
    port = trio.site.member.get("port show alpha-own")
    assert (port["device_id"], port["status"]) == ("", "DOWN"), "a port that its owner made is free again"
    trio.site.member.do("port delete alpha-own alpha-meeting")
    floating = trio.site.member.get(f"floating ip show {trio.alpha.address}")
    assert floating["port_id"] is None and floating["status"] == "DOWN"
    trio.site.member.do(f"floating ip delete {trio.alpha.address}")


def running(server_id: str) -> bool:
    """Return whether a process of a guest runs."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"welkin-{server_id}".encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False
