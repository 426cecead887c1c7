"""`welkin …` and `python -m welkin …`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command.  The long-running parts start without the terminal's libraries: they stay small."""
    if len(sys.argv) > 1 and sys.argv[1] in ("supervise", "control", "api", "central", "agent"):
        from welkin.cli import parts

        parts.run(sys.argv[1])
    else:
        from welkin.cli.commands import app

        app()


if __name__ == "__main__":
    main()
