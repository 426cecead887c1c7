"""The list of generated pages."""

from __future__ import annotations

from pathlib import Path

from welkin.docs import compatibility, configuration, policy, rooms

DOCS = Path(__file__).parents[3] / "docs"
"""Where the pages are in a checkout; an installed package has none."""


def render_all(folder: Path) -> dict[str, str]:
    """Return the text of every page by its name; the notes that are kept by hand lie in `folder`."""
    return {
        "compatibility.md": compatibility.render(folder),
        "policy.md": policy.render(),
        "configuration.md": configuration.render(),
        "map.md": rooms.render(),
    }
