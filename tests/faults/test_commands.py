"""What people type, when things are not as they should be: one clear sentence, and nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.processes import EXTERNAL, PREFIX
from tests.installed import Installed
from welkin.core.server import bind
from welkin.tools import cgroups, namespaces, processes

AGAIN_S_MAX = 3.0
IMAGE = Path.home() / ".cache" / "welkin" / "guest-image"


@contextmanager
def installed(driver: str) -> Iterator[Installed]:
    """A cloud that does not run yet, in a folder that guests' users may pass."""
    folder = Path(tempfile.mkdtemp(prefix="wkq-", dir="/tmp"))
    folder.chmod(0o711)
    with bind("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    cloud = Installed(folder, driver=driver, port=port, prefix=PREFIX, external=EXTERNAL)
    try:
        yield cloud
    finally:
        cloud.run("purge")
        shutil.rmtree(folder)


@pytest.fixture
def cloud() -> Iterator[Installed]:
    with installed("memory") as made:
        yield made


def refused(cloud: Installed, *words: str) -> str:
    """Run a command that must fail, and return its one sentence."""
    cloud.home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "welkin", *words]
    done = subprocess.run(command, env=cloud.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, (done.stdout, done.stderr)
    return " ".join(done.stdout.split())


def state(cloud: Installed) -> dict[str, object]:
    """Return what a second `up` must not change."""
    api = cloud.api("demo")
    lists = {
        "servers": "/compute/v2.1/servers",
        "networks": "/network/v2.0/networks",
        "routers": "/network/v2.0/routers",
        "ports": "/network/v2.0/ports",
        "floatingips": "/network/v2.0/floatingips",
        "security_group_rules": "/network/v2.0/security-group-rules",
        "images": "/image/v2/images",
        "flavors": "/compute/v2.1/flavors",
    }
    found: dict[str, object] = {key: sorted(each["id"] for each in api.get(path)[key]) for key, path in lists.items()}
    clouds = cloud.home / ".config" / "openstack" / "clouds.yaml"
    return found | {"supervisor": supervisor(cloud), "clouds": clouds.read_text()}


def up_again(cloud: Installed) -> None:
    """Run `up` where everything is there: in time on a machine at rest, and within as much work on a busy one."""
    began, used_s = time.monotonic(), children_s()
    cloud.run("up")
    assert min(time.monotonic() - began, children_s() - used_s) < AGAIN_S_MAX


def children_s() -> float:
    """Return the processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def supervisor(cloud: Installed) -> int:
    return int(json.loads((cloud.folder / "run" / "supervisor.json").read_bytes())["pid"])


@pytest.mark.slow
def test_up_again_changes_nothing_and_takes_no_time(cloud: Installed) -> None:
    shutil.copytree(IMAGE, cloud.folder / "guest")
    cloud.run("up")
    before = state(cloud)
    up_again(cloud)
    assert state(cloud) == before
    cloud.run("down")
    assert "not running" in cloud.run("down")
    cloud.run("up", "--bare")
    assert {**state(cloud), "supervisor": 0} == {**before, "supervisor": 0}
    cloud.run("purge")
    assert not cloud.folder.exists()
    assert "Removed 0 processes" in cloud.run("purge")


def test_an_occupied_port_is_named(cloud: Installed) -> None:
    with socket.create_server(("127.0.0.1", cloud.port)):
        assert refused(cloud, "up").startswith(f"Port {cloud.port} of 127.0.0.1 is taken by another program")
    assert not cloud.folder.exists(), "it was not even begun"


@pytest.mark.parametrize("record", ["a stranger", "nonsense", "empty"])
def test_a_stale_record_is_nobody(cloud: Installed, record: str) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        boot_id = processes.BOOT_ID.read_text().strip()
        child = json.dumps({"pid": stranger.pid, "start_ticks": 1, "boot_id": boot_id})
        file = cloud.folder / "run" / "supervisor.json"
        file.parent.mkdir(parents=True)
        file.write_text({"a stranger": child, "nonsense": "{pid", "empty": ""}[record])
        cloud.run("up", "--bare")
        assert supervisor(cloud) != stranger.pid
        cloud.run("down")
        assert stranger.poll() is None, "it is none of ours"
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.root
def test_a_full_disk_is_named(cloud: Installed) -> None:
    cloud.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(cloud.folder)], check=True)
    try:
        assert f"MiB are free below {cloud.folder}" in refused(cloud, "up")
        assert not list(cloud.folder.iterdir())
    finally:
        subprocess.run(["umount", str(cloud.folder)], check=True)


def test_doctor_leaves_nothing_and_says_how_guests_run(cloud: Installed) -> None:
    cloud.home.mkdir(parents=True)
    found = doctor(cloud, [])
    assert "Guests run under" in found or "Guests would run under" in found
    assert not cloud.folder.exists()


@pytest.mark.root
def test_doctor_believes_root_even_where_somebody_else_asks(cloud: Installed) -> None:
    cloud.home.mkdir(parents=True)
    cloud.home.chmod(0o777)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    assert "Guests would run under" in doctor(cloud, nobody), "it tries as who asks, and says so"
    cloud.folder.mkdir(mode=0o711)
    known = {"name": "tcg", "reason": "It was tried.", "key": root_key()}
    (cloud.folder / "accelerator.json").write_text(json.dumps(known))
    assert "Guests run under TCG: It was tried." in doctor(cloud, nobody)


def root_key() -> str:
    from welkin.tools import kvm

    return kvm._key(0)


def doctor(cloud: Installed, prefix: list[str]) -> str:
    """Run it as somebody, and return what it says; its code tells only whether all is well."""
    command = [*prefix, sys.executable, "-m", "welkin", "doctor"]
    environment = cloud.environment | {"COLUMNS": "300", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.qemu
@pytest.mark.root
@pytest.mark.slow
def test_guests_are_found_again_and_purge_leaves_nothing() -> None:
    with installed("qemu") as cloud:
        shutil.copytree(IMAGE, cloud.folder / "guest")
        mounts, forwards = mounted(), forwarding()
        cloud.run("up")
        (record,) = (cloud.folder / "servers").glob("*/process.json")
        before = record.read_bytes()
        cloud.run("down")
        assert processes.find(record) is not None, "guests live on"
        cloud.run("up")
        assert record.read_bytes() == before and processes.find(record) is not None
        up_again(cloud)
        cloud.run("purge")
        assert not cloud.folder.exists()
        assert [name for name in namespaces.known() if name.startswith(f"{PREFIX}-")] == []
        assert [name for _, name in socket.if_nameindex() if name.startswith(f"{PREFIX}-")] == []
        assert f"welkin_{PREFIX}" not in subprocess.check_output(["nft", "list", "tables"], text=True)
        assert not list(cgroups.ROOT.glob(f"**/{PREFIX}-guests"))
        assert mounted() <= mounts
        assert forwarding() == forwards or others_forward()


def mounted() -> set[str]:
    """Return what of this cloud is mounted anywhere."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines if f"/{PREFIX}-" in line}


def forwarding() -> str:
    return Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()


def others_forward() -> bool:
    """Say whether another cloud of this machine, which wants forwarding too, has come meanwhile."""
    return any(name.endswith("-ex") for _, name in socket.if_nameindex())


FORWARDS = """
import asyncio
from pathlib import Path
from welkin.services.network.driver import DropSpace, SetSettings
from welkin.services.network.drivers.kernel import KernelNetworks

FORWARD, FOLDER = Path("/proc/sys/net/ipv4/ip_forward"), Path({folder!r})

async def lived(before):
    FORWARD.write_text(before)
    for _ in range(2):  # the second one was restarted, and finds what the first one set
        driver = KernelNetworks("wq", FOLDER, None)
        await driver.perform(SetSettings("", {{"net/ipv4/ip_forward": "1"}}))
        assert FORWARD.read_text().strip() == "1"
    await driver.perform(DropSpace(""))
    assert FORWARD.read_text().strip() == before, before
    assert not [path for path in FOLDER.rglob("*") if path.is_file()]

asyncio.run(lived("0"))
asyncio.run(lived("1"))
"""


@pytest.mark.root
def test_forwarding_is_given_back_as_it_was(tmp_path: Path) -> None:
    script = FORWARDS.format(folder=str(tmp_path))
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", script], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
