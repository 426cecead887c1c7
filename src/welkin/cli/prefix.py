"""Which cloud of this machine has which prefix: two with the same one would take each other's networks apart."""

from __future__ import annotations

import contextlib
from pathlib import Path

from welkin.cli.trouble import Trouble
from welkin.core.config import CloudOptions

CLAIMS = Path("/run/welkin/prefixes")


def claim(options: CloudOptions) -> None:
    """Take the prefix for the cloud in this state directory.  Raises Trouble when another has it."""
    if options.driver != "qemu":  # a cloud in memory makes nothing that bears a name
        return
    other = holder(options)
    if other is not None:
        raise Trouble(
            f"The prefix {options.prefix} belongs to the cloud in {other}: set cloud.prefix to another, "
            "of at most four characters."
        )
    CLAIMS.mkdir(parents=True, exist_ok=True)
    (CLAIMS / options.prefix).write_text(str(options.state_dir.absolute()))


def holder(options: CloudOptions) -> Path | None:
    """Return where the other cloud is that has this prefix, or None; one that was purged has nothing any more."""
    try:
        named = Path((CLAIMS / options.prefix).read_text())
    except OSError:
        return None
    return named if named != options.state_dir.absolute() and named.exists() else None


def release(options: CloudOptions) -> None:
    """Give the prefix back."""
    if options.driver == "qemu" and holder(options) is None:
        (CLAIMS / options.prefix).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # other clouds' claims stay
            CLAIMS.rmdir()
            CLAIMS.parent.rmdir()
