"""`python -m welkin.docs [FOLDER]`: write the generated pages."""

from __future__ import annotations

import sys
from pathlib import Path

from welkin.docs.pages import DOCS, render_all


def main() -> None:
    """Write every page that differs from what is there, and name it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, text in render_all(folder).items():
        file = folder / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            print(f"wrote {file}")


if __name__ == "__main__":
    main()
