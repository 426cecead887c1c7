"""What an operator can decide about compute."""

from __future__ import annotations

import msgspec


class ComputeOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How servers are placed, how long their host may take, and what becomes of deleted ones."""

    zone: str = "nova"
    """The availability zone of hosts that no aggregate puts into another."""
    default_schedule_zone: str = ""
    """The availability zone of servers whose owner asks for none; empty takes any."""
    cpu_ratio: float = 4.0
    """How many virtual processors are placed on each processor of a host."""
    ram_ratio: float = 1.0
    """How much memory is placed on each part of a host's memory."""
    disk_ratio: float = 1.0
    """How much disk is placed on each part of a host's disk."""
    reserved_ram_mib: int = 512
    """The memory of a host that is kept for the host itself."""
    reserved_disk_gib: int = 0
    """The disk of a host that is kept for the host itself."""
    build_timeout_s: float = 1800.0
    """How long making a server may take, its image's way to the host included; then it is in ERROR."""
    action_timeout_s: float = 600.0
    """How long starting, stopping, rebooting and their like may take; then the server is in ERROR."""
    snapshot_timeout_s: float = 7200.0
    """How long an image of a server may take."""
    delete_timeout_s: float = 120.0
    """How long a host may take to destroy a server; then the server is gone and the host finishes by itself."""
    shutdown_timeout_s: float = 60.0
    """How long a guest may take to shut down before it is ended."""
    resize_confirm_s: float = 0.0
    """After how long a resize is confirmed by itself; 0 waits for the owner."""
    shelved_offload_s: float = 0.0
    """After how long a shelved server leaves its host; 0 does it at once, a negative number never."""
    reclaim_s: float = 0.0
    """How long a deleted server can be restored; 0 destroys it at once."""
    resize_on_same_host: bool = True
    """Whether a server may stay on its host when it is resized."""
    removes_orphans: bool = True
    """Whether a host removes its own guests that the control plane does not know; else it only tells of them."""
    orphan_after_s: float = 60.0
    """For how long a guest must have been unknown before it is removed."""
    unused_image_s: float = 86400.0
    """How long a host keeps an image that no disk starts from; a negative number keeps it."""
    unused_images_gib: float = -1.0
    """How much a host keeps of images that no disk starts from, the latest used first; negative: no limit."""
    console_token_s: float = 600.0
    """How long the address of a console is good for."""
