"""The command line of a guest, from what it shall consist of.  Pure.

Nothing that a user wrote gets into it as it is: disks go in as JSON, names do not go in
at all, so there is nothing to smuggle an option through.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from welkin.tools.qemu_img import Source

ROOT_PORTS = 16  # spare PCI Express slots; a card can be plugged only where a port was at start
FIRST_PORT_DEVICE = 0x10  # the ports sit at 10.0 to 10.7 and 11.0 to 11.7
TCG_CACHE_MIB = 32  # translated code; without a limit it grows by hundreds of MiB for each guest
QEMU = "qemu-system-x86_64"


class Disk(Struct, frozen=True, kw_only=True):
    """One disk of a guest."""

    node: str
    source: Source
    serial: str
    writable: bool = True
    boots: bool = False


class Card(Struct, frozen=True, kw_only=True):
    """One network card: the open tap `fd` leads to its port; -1 leads nowhere."""

    port_id: str
    mac: str
    mtu: int
    slot: int
    fd: int


class Machine(Struct, frozen=True, kw_only=True):
    """Everything that makes up a guest."""

    id: str
    accelerator: Literal["kvm", "tcg"]
    vcpus: int
    ram_mib: int
    disks: tuple[Disk, ...]
    cards: tuple[Card, ...]
    monitor: Path
    serial: Path
    console_log: Path
    vnc: Path
    agent: Path
    wakes: bool = False  # it waits for saved memory instead of booting


def command(machine: Machine) -> list[str]:
    """Return the words that start the machine."""
    return [
        *_base(machine),
        *_root_ports(),
        *_characters(machine),
        *(word for disk in machine.disks for word in _disk(disk)),
        *(word for card in machine.cards for word in _card(card)),
        *(["-incoming", "defer"] if machine.wakes else []),
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]


def _base(machine: Machine) -> list[str]:
    accelerator = "kvm" if machine.accelerator == "kvm" else f"tcg,tb-size={TCG_CACHE_MIB}"
    known_as = str(uuid.UUID(machine.id))
    product = "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova"  # what cloud-init looks for
    return [
        QEMU,
        *("-name", f"welkin-{known_as}", "-uuid", known_as),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "q35,vmport=off,dump-guest-core=off", "-accel", accelerator),
        *("-cpu", "host" if machine.accelerator == "kvm" else "max"),
        *("-m", str(machine.ram_mib), "-smp", str(machine.vcpus)),
        *("-smbios", f"{product},serial={known_as},uuid={known_as},family=Virtual Machine"),
        *("-rtc", "base=utc", "-boot", "strict=on"),
        # A guest that shuts itself down stays as a shell of itself, so that it can be told from one that was killed.
        *("-action", "shutdown=pause"),
        *("-device", "VGA,id=video,vgamem_mb=8"),
        *("-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=entropy"),
        *("-device", "virtio-balloon-pci,id=balloon"),
        *("-chardev", f"socket,id=monitor,path={machine.monitor},server=on,wait=off"),
        *("-mon", "chardev=monitor,mode=control"),
        *("-vnc", f"unix:{machine.vnc}"),
    ]


def _root_ports() -> list[str]:
    words = []
    for index in range(ROOT_PORTS):
        device, function = FIRST_PORT_DEVICE + index // 8, index % 8
        address = f"addr={device:#x}.{function}" + (",multifunction=on" if function == 0 else "")
        words += ["-device", f"pcie-root-port,id=rp{index},chassis={index + 1},{address}"]
    return words


def _characters(machine: Machine) -> list[str]:
    serial = f"socket,id=serial,path={machine.serial},server=on,wait=off"
    return [
        *("-chardev", f"{serial},logfile={machine.console_log},logappend=on", "-serial", "chardev:serial"),
        *("-device", "virtio-serial-pci,id=ports"),
        *("-chardev", f"socket,id=agent,path={machine.agent},server=on,wait=off"),
        *("-device", "virtserialport,bus=ports.0,chardev=agent,name=org.qemu.guest_agent.0"),
    ]


def _disk(disk: Disk) -> list[str]:
    options = disk.source.options()
    options |= {"node-name": disk.node, "read-only": not disk.writable, "discard": "unmap"}
    device = f"virtio-blk-pci,id=disk-{disk.node},drive={disk.node},serial={disk.serial[:20]}"
    if disk.boots:
        device += ",bootindex=1"
    return ["-blockdev", msgspec.json.encode(options).decode(), "-device", device]


def _card(card: Card) -> list[str]:
    netdev = f"tap,id=net-{card.port_id},fd={card.fd}" if card.fd >= 0 else f"hubport,id=net-{card.port_id},hubid=0"
    return ["-netdev", netdev, "-device", ",".join(f"{key}={value}" for key, value in card_device(card).items())]


def card_device(card: Card) -> dict[str, str]:
    """Return the device of a card, for the command line and for plugging alike."""
    return {
        "driver": "virtio-net-pci",
        "id": f"nic-{card.port_id}",
        "netdev": f"net-{card.port_id}",
        "mac": card.mac,
        "host_mtu": str(card.mtu),
        "bus": f"rp{card.slot}",
        "romfile": "",
    }
