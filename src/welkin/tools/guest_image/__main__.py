"""`python -m welkin.tools.guest_image DIRECTORY`: build the guest image there, or find it built."""

from __future__ import annotations

import sys
from pathlib import Path

from welkin.tools.guest_image.builder import build


def main() -> int:
    """Build into the directory that the command line names and print where the parts are."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    image = build(Path(sys.argv[1]))
    print(f"disk   {image.disk}\nkernel {image.kernel}\ninitrd {image.initrd}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
