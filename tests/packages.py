"""The Debian packages that only tests need, and what for; `make test` installs the first, `make contract` the rest."""

from __future__ import annotations

DATABASE_PACKAGES: dict[str, str] = {
    "postgresql": "the server programs of which a test run starts one of its own",
}
TEST_PACKAGES: dict[str, str] = {
    "chromium": "the browser in which consoles are looked at",
}
