"""The page that `console url show` names shows the guest's own screen in a real browser, and takes its keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.contract import browser
from tests.contract.browser import Page
from tests.contract.conftest import Site
from tests.contract.machines import Machine
from tests.contract.waiting import until

pytestmark = [
    pytest.mark.contract,
    pytest.mark.qemu,
    pytest.mark.root,
    pytest.mark.skipif(browser.PROGRAM is None, reason="chromium is not installed; make contract installs it"),
]

PIXELS = """(() => {
    const canvas = document.querySelector("canvas");
    if (!canvas || !canvas.width || !canvas.height) return null;
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const counts = {};
    for (let at = 0; at < data.length; at += 4) {
        const color = [data[at], data[at + 1], data[at + 2]].join(",");
        counts[color] = (counts[color] || 0) + 1;
    }
    return counts;
})()"""
BLUE, GREEN = "0,0,168", "0,168,0"
"""As the console of Linux paints them."""


@pytest.fixture(scope="module")
def screen(real_site: Site) -> Iterator[Machine]:
    """A guest with a screen."""
    member = real_site.member
    words = "server create --image tiny --flavor m1.nano --network private --key-name welkin screen"
    id = member.get(words)["id"]
    until(lambda: member.get("port list --server screen"), "it has a port")
    address = member.get("floating ip create public")["floating_ip_address"]
    member.do(f"server add floating ip screen {address}")
    machine = Machine(id, address, real_site.key)
    machine.until_login()
    yield machine
    member.do("server delete screen")
    member.do(f"floating ip delete {address}")


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser.page(tmp_path / "profile") as made:
        yield made


def shares(page: Page) -> dict[str, float]:
    """Return how much of the screen each colour covers."""
    counts: dict[str, int] = page.ask(PIXELS) or {}
    return {color: count / sum(counts.values()) for color, count in counts.items()}


def test_the_browser_shows_the_guests_screen(real_site: Site, screen: Machine, page: Page) -> None:
    page.open(real_site.member.get("console url show --novnc screen")["url"])
    text = until(lambda: shares(page), "the page has a screen")
    until(lambda: sum(share for color, share in shares(page).items() if color != "0,0,0") > 0.001, "there are letters")
    assert BLUE not in text
    for color, number in ((BLUE, 44), (GREEN, 42)):
        screen.run(f"printf '\\033[{number}m\\033[2J' >/dev/tty1")
        until(lambda: shares(page).get(color, 0) > 0.9, f"the screen is {color}")  # noqa: B023


def test_keys_reach_the_guest(real_site: Site, screen: Machine, page: Page) -> None:
    page.open(real_site.member.get("console url show --novnc screen")["url"])
    until(lambda: shares(page), "the page has a screen")
    page.ask("document.querySelector('canvas').focus()")

    page.type("somebody\n")
    until(lambda: screen.can("ps | grep -q 'login.*[s]omebody'"), "the guest asks somebody for a password")


def test_a_bad_token_opens_nothing(real_site: Site, screen: Machine, page: Page) -> None:
    url = real_site.member.get("console url show --novnc screen")["url"]
    (path,) = parse_qs(urlsplit(url).query)["path"]
    good = f"{real_site.cloud.url.replace('http', 'ws')}/{path}"
    with connect(good, proxy=None, subprotocols=["binary"]) as socket:  # type: ignore[list-item]
        assert bytes(socket.recv(timeout=10)).startswith(b"RFB 003.")
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    with pytest.raises(InvalidStatus) as refused, connect(bad, proxy=None):
        pass
    assert refused.value.response.status_code in (401, 403)
    page.open(url[:-1] + ("0" if url[-1] != "0" else "1"))
    until(lambda: "closed" in str(page.ask("document.body.innerText")), "the page says that it failed")
    assert not [color for color in shares(page) if color != "0,0,0"] or page.ask("!document.querySelector('canvas')")
