"""Carry what is too large for the watch stream between this host and the control plane: images, a guest's password.

Each is one HTTP request as the host's agent.  The standard library's client serves: it
streams files, needs nothing else, and runs in a thread.
"""

from __future__ import annotations

import asyncio
import http.client
import shutil
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from welkin.core.cloud import ControlPlane
from welkin.services.compute.driver import DriverError, Hopeless

IMAGE_PATH = "/agent/v1/images/{}/data"  # GET brings an image here, PUT brings a snapshot there
PASSWORD_PATH = "/agent/v1/servers/{}/password"  # PUT keeps what a guest posted to its metadata service
CHUNK_BYTES = 1 << 20
TIMEOUT_S = 60.0  # without a byte


class Carrier:
    """Requests of one host to its control plane."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    async def fetch_image(self, image_id: str, target: Path) -> None:
        """Bring an image's data into a file.  Raises Hopeless when there is no such image."""
        await asyncio.to_thread(self._fetch, IMAGE_PATH.format(quote(image_id)), target)

    async def send_image(self, image_id: str, source: Path) -> None:
        """Bring a file's content into an image that waits for it."""

        def send() -> None:
            with source.open("rb") as file:
                self._put(IMAGE_PATH.format(quote(image_id)), file, source.stat().st_size)

        await asyncio.to_thread(send)

    async def send_password(self, server_id: str, password: bytes) -> None:
        """Hand over the password that a guest made, encrypted for its owner."""
        path = PASSWORD_PATH.format(quote(server_id))
        await asyncio.to_thread(self._put, path, password, len(password))

    def _fetch(self, path: str, target: Path) -> None:
        connection = self._connect()
        try:
            connection.request("GET", path, headers=self._control.headers())
            answer = connection.getresponse()
            _check(answer, f"The image cannot be fetched from {path}")
            with target.open("wb") as file:
                shutil.copyfileobj(answer, file, CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise DriverError(f"The image did not come: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()

    def _put(self, path: str, body: IO[bytes] | bytes, size: int) -> None:
        headers = {**self._control.headers(), "Content-Type": "application/octet-stream", "Content-Length": str(size)}
        connection = self._connect()
        try:
            connection.request("PUT", path, body=body, headers=headers)
            _check(connection.getresponse(), f"The control plane did not take {path}")
        except (OSError, http.client.HTTPException) as error:
            raise DriverError(f"The control plane was not reached: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        place = urlsplit(self._control.url)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "127.0.0.1", place.port, timeout=TIMEOUT_S)
        connection.blocksize = CHUNK_BYTES
        return connection


def _check(answer: http.client.HTTPResponse, what: str) -> None:
    if answer.status < 300:
        return
    text = answer.read(500).decode(errors="replace")
    raise (Hopeless if answer.status in (403, 404, 410) else DriverError)(f"{what}: {answer.status} {text}")
