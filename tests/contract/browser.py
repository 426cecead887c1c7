"""Headless Chromium, driven by its DevTools protocol: a page is opened and asked."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.contract.waiting import until

PROGRAM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync "
    "--disable-dev-shm-usage --disable-component-update --no-proxy-server --remote-debugging-port=0 "
    "--window-size=1024,768"
)
ANSWER_TIMEOUT_S = 20.0


class Page:
    """The one page of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    def open(self, url: str) -> None:
        """Go to a page."""
        self._call("Page.navigate", url=url)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def type(self, text: str) -> None:
        """Press the keys that make a text; a line's end is Enter."""
        for letter in text:
            key = "Enter" if letter == "\n" else letter
            code = "Enter" if letter == "\n" else f"Key{letter.upper()}" if letter.isalpha() else f"Digit{letter}"
            for kind in ("keyDown", "keyUp"):
                self._call("Input.dispatchKeyEvent", type=kind, key=key, code=code)

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=ANSWER_TIMEOUT_S))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                return answer["result"]


@contextmanager
def page(folder: Path) -> Iterator[Page]:
    """Start a browser with a fresh profile in `folder`, yield its page, and end it."""
    assert PROGRAM is not None
    command = [PROGRAM, *FLAGS.split(), f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        port = until(lambda: port_file.exists() and port_file.read_text().split("\n")[0], "the browser listens")
        with connect(until(lambda: target(str(port)), "the browser has a page"), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(20)


def target(port: str) -> str:
    """Return the address of the first page's DevTools, once there is one."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as got:
        for each in json.load(got):
            if each["type"] == "page":
                return str(each["webSocketDebuggerUrl"])
    return ""
