"""What the control plane wants of one server on this host, and what the host answers.

`ServerWanted` travels to the host as JSON, whole, whenever it changes; there is no
other order.  Something that shall happen once more is a counter that grew
(`disk_epoch`, `boot_epoch`, `soft_reboots`): a lost or repeated message changes
nothing.  A server that shall not be here any more is the absence of the document.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

WantedPower = Literal["running", "stopped", "paused", "suspended"]
SeenPower = Literal["absent", "stopped", "running", "paused", "suspended"]
Progress = Literal[
    "",  # nothing is under way
    "fetching_image",
    "making_disk",
    "waiting_for_network",
    "waiting_to_boot",  # as many guests boot as there are cores; the others queue
    "starting",
    "stopping",
    "suspending",
    "plugging",
    "snapshotting",
    "uploading",
    "deleting",
]


class Flavor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The size of a guest, as it was when the server was made or resized."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int  # 0: as large as the image
    ephemeral_gib: int = 0
    swap_mib: int = 0
    extra_specs: dict[str, str] = {}


class Image(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The image that a disk is made from.  Its content is never trusted."""

    id: str
    format: str  # raw, qcow2, vmdk, vdi, vhd, vhdx, iso
    size_bytes: int
    hash_algorithm: str = ""  # a name that hashlib knows; empty: there is no hash to compare
    hash: str = ""
    properties: dict[str, str] = {}


class Nic(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network card and the port that it leads to."""

    port_id: str
    network_id: str
    mac: str
    mtu: int = 1500
    tag: str | None = None
    fixed_ips: tuple[str, ...] = ()  # who asks for metadata is known by network and address


class KeyPair(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The public half of the key that the owner will log in with."""

    name: str
    public_key: str
    type: Literal["ssh", "x509"] = "ssh"


class Metadata(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a guest may learn about itself, by the metadata service or its config drive."""

    meta: dict[str, str] = {}
    key: KeyPair | None = None
    user_data: str | None = None  # base64, as it came
    availability_zone: str = ""
    reservation_id: str = ""
    launch_index: int = 0
    security_groups: tuple[str, ...] = ()  # their names
    fixed_ipv4: tuple[str, ...] = ()
    floating_ipv4: tuple[str, ...] = ()
    network_data: dict[str, Any] = {}
    vendor_data: dict[str, Any] = {}
    vendor_data2: dict[str, Any] = {}
    ec2_instance_id: str = ""  # "i-0000000a"
    ec2_image_id: str = ""  # "ami-00000001"
    root_device: str = "/dev/vda"
    password: str | None = None  # what the guest posted, encrypted for the owner
    admin_password: str | None = None  # on the config drive only; never over the network


class Rescue(Struct, frozen=True, kw_only=True):
    """Boot from this image, with the server's own disk as the second one."""

    image: Image
    epoch: int = 1  # grows with each rescue, so that each starts from a fresh disk


class Snapshot(Struct, frozen=True, kw_only=True):
    """Copy the root disk into this image, which exists and waits for its data."""

    image_id: str
    format: Literal["qcow2", "raw"] = "qcow2"


class ServerWanted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One server as this host shall have it."""

    id: str
    name: str
    hostname: str
    project_id: str
    user_id: str = ""
    power: WantedPower = "running"
    disk_epoch: int = 1  # one more: throw the root disk away and make it anew from `image`
    boot_epoch: int = 1  # one more: end the guest at once and boot it (hard reboot)
    soft_reboots: int = 0  # one more: ask the guest to shut down, then boot it
    shutdown_timeout_s: float = 60.0  # how long a guest may take to shut down before it is ended
    flavor: Flavor
    image: Image | None = None  # None: the root disk is empty
    nics: tuple[Nic, ...] = ()
    config_drive: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    rescue: Rescue | None = None
    snapshots: tuple[Snapshot, ...] = ()


class SnapshotSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the copy into an image is."""

    image_id: str
    state: Literal["taken", "sent", "failed"]
    error: str = ""


class Consoles(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where on this host the guest's consoles listen (paths of Unix sockets); empty: nowhere."""

    serial: str = ""
    vnc: str = ""
    log: str = ""


class ServerSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the host sees of one server.  The control plane stores it beside what is wanted."""

    id: str
    power: SeenPower
    progress: Progress = ""
    settled: bool = False  # everything wanted is so
    powered_off_by_guest: bool = False  # the guest shut itself down; it is not started again by itself
    disk_epoch: int = 0
    boot_epoch: int = 0
    soft_reboots: int = 0
    rescue_epoch: int = 0  # of the rescue that it runs in, 0 for none
    vcpus: int = 0
    ram_mib: int = 0
    disk_gib: int = 0
    plugged: tuple[str, ...] = ()  # ids of ports
    snapshots: tuple[SnapshotSeen, ...] = ()
    consoles: Consoles = field(default_factory=Consoles)
    error: str = ""  # a sentence for people; empty when all is well
    error_is_final: bool = False  # trying again cannot help (a wrong image, a disk too small)
