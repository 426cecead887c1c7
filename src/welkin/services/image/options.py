"""What an operator can choose about images."""

from __future__ import annotations

import msgspec


class ImageOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which images are taken, from where, and how many."""

    format_enforcement: bool = True
    """Whether data whose format is not the one that the image names is refused."""
    size_gib_max: int = 1024
    """The largest data of one image."""
    properties_max: int = 128
    """How many custom properties an image may have."""
    tags_max: int = 128
    """How many tags an image may have."""
    members_max: int = 128
    """With how many projects an image may be shared."""
    count_total: int = -1
    """How many images a project may have; -1 for any number."""
    size_mib_total: int = -1
    """How much data the images of a project may have together."""
    count_uploading: int = -1
    """How many images of a project may be on their way at once."""
    stage_mib_total: int = -1
    """How much staged data a project may have."""
    import_schemes: list[str] = msgspec.field(default_factory=lambda: ["http", "https"])
    """How web-download may fetch."""
    import_ports: list[int] = msgspec.field(default_factory=lambda: [80, 443])
    """From which ports web-download may fetch."""
    import_hosts: list[str] = []
    """The only hosts that web-download may fetch from; empty for any that is public."""
    import_networks: list[str] = []
    """Networks that web-download may reach although they are not public, such as `10.0.0.0/8`."""
    import_timeout_s: float = 60.0
    """How long a server may keep web-download waiting for the next bytes."""
    task_life_h: int = 48
    """How long a finished task is remembered."""
