"""The Debian packages that only tests need, and what each is needed for; `make contract` installs them."""

from __future__ import annotations

TEST_PACKAGES: dict[str, str] = {
    "chromium": "the browser in which consoles are looked at",
}
