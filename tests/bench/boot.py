"""How much longer a guest takes to its login prompt in the cloud than under QEMU alone.

Both run the same image with the same accelerator, memory and size of disk, ask for their
address by DHCP and show the prompt on their serial console, whose log is watched.  Bare
QEMU answers DHCP by itself and hands metadata over on a disk; in the cloud both are the
network's work, and are part of what is measured, as are scheduling and the network itself.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import time
from pathlib import Path

from tests.bench.table import Budget, Table
from tests.conformance.cloud import Cloud, Place
from welkin import starter
from welkin.client import Api, Refused
from welkin.tools import iso9660

LONGER = Budget(1.5, "s wall")
ROUNDS = 3
RAM_MIB, DISK = 128, "1G"
PROMPT = b"login:"
TIMEOUT_S = 180.0
LOOK_EVERY_S = 0.02


def measure(folder: Path, place: Place, table: Table) -> None:
    """Boot the tiny guest bare and in a cloud with real guests, in turn, and compare the medians."""
    cloud = Cloud(folder / "qemu" / "cloud", "qemu", strict_images=True, place=place)
    cloud.start()
    try:
        api = cloud.admin()
        network_id, image_id = prepare(api)
        from_post(cloud, api, network_id, image_id)  # asks the machine for KVM and fetches the image, both once
        bare, ours = [], []
        for number in range(ROUNDS):
            bare.append(alone(folder / f"bare-{number}", cloud))
            ours.append(from_post(cloud, api, network_id, image_id))
            print(f"to the login prompt: {bare[-1]:.2f} s bare, {ours[-1]:.2f} s from POST")
    finally:
        cloud.purge()
    table.add("POST to login, beyond bare QEMU", statistics.median(ours) - statistics.median(bare), LONGER)


def prepare(api: Api) -> tuple[str, str]:
    """Make a network with DHCP; return its id and the image's."""
    network = api.post("/network/v2.0/networks", {"network": {"name": "bench"}})["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.66.0.0/24"}
    api.post("/network/v2.0/subnets", {"subnet": subnet})
    image = starter.named(api, "/image/v2/images", "images", starter.IMAGE)
    assert image is not None
    return network["id"], image["id"]


def from_post(cloud: Cloud, api: Api, network_id: str, image_id: str) -> float:
    """Boot a server and delete it; return the seconds from its POST to its prompt."""
    wanted = {"name": "bench", "flavorRef": "42", "imageRef": image_id, "networks": [{"uuid": network_id}]}
    started = time.monotonic()
    server_id = api.post("/compute/v2.1/servers", {"server": wanted})["server"]["id"]
    took = until_prompt(cloud.folder / "servers" / server_id / "own" / "console.log", started)
    api.ask("DELETE", f"/compute/v2.1/servers/{server_id}")
    while exists(api, server_id):
        time.sleep(0.1)
    return took


def exists(api: Api, server_id: str) -> bool:
    """Return whether the server is still there."""
    try:
        api.get(f"/compute/v2.1/servers/{server_id}")
    except Refused as refusal:
        if refusal.status == 404:
            return False
        raise
    return True


def alone(folder: Path, cloud: Cloud) -> float:
    """Boot the image under QEMU alone; return the seconds to its prompt."""
    folder.mkdir(parents=True, exist_ok=True)
    disk, drive, log = folder / "disk.qcow2", folder / "config.iso", folder / "console.log"
    log.unlink(missing_ok=True)
    metadata = json.dumps({"uuid": "bare", "hostname": "bare"}).encode()
    asyncio.run(iso9660.write(drive, "config-2", {"openstack/latest/meta_data.json": metadata}))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(cloud.image_file), str(disk), DISK]
    subprocess.run(command, check=True)
    accelerator = json.loads((cloud.folder / "accelerator.json").read_text())["name"]
    argv = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "q35", "-accel", accelerator]
    argv += ["-cpu", "host" if accelerator == "kvm" else "max", "-m", str(RAM_MIB), "-smp", "1"]
    argv += [
        "-drive",
        f"file={disk},if=virtio,format=qcow2",
        "-drive",
        f"file={drive},if=virtio,format=raw,readonly=on",
    ]
    argv += ["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci", "-serial", f"file:{log}"]
    started = time.monotonic()
    guest = subprocess.Popen(argv)
    try:
        return until_prompt(log, started)
    finally:
        guest.kill()
        guest.wait()


def until_prompt(log: Path, started: float) -> float:
    """Wait for the prompt in a serial log; return the seconds since `started`."""
    while time.monotonic() < started + TIMEOUT_S:
        if log.exists() and PROMPT in log.read_bytes():
            return time.monotonic() - started
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"No login prompt in {log}")
