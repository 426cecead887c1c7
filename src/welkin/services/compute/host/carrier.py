"""Carry what does not go by the watch stream: images either way, and a guest's password to its owner."""

from __future__ import annotations

import asyncio
import http.client
from pathlib import Path
from urllib.parse import quote, urlsplit

from welkin.core.cloud import ControlPlane, Host
from welkin.core.errors import NotFound, Problem
from welkin.services.compute.driver import DriverError, Hopeless
from welkin.services.image import public as image

PASSWORD_PATH = "/agent/v1/servers/{}/password"  # PUT keeps what a guest posted to its metadata service
TIMEOUT_S = 60.0  # without a byte


class Carrier:
    """One host's traffic with its control plane."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def fetch_image(self, image_id: str, target: Path) -> None:
        """Bring an image's data into a file.  Raises Hopeless when there is no such image."""
        try:
            await self._host.get(image.Images).fetch_image(image_id, target)
        except NotFound as error:
            raise Hopeless(str(error)) from error
        except Problem as error:
            raise DriverError(str(error)) from error

    async def send_image(self, image_id: str, source: Path) -> None:
        """Bring a file's content into an image that waits for it."""
        try:
            await self._host.get(image.Images).send_image(image_id, source)
        except Problem as error:
            raise DriverError(str(error)) from error

    async def send_password(self, server_id: str, password: bytes) -> None:
        """Hand over the password that a guest made, encrypted for its owner."""
        await asyncio.to_thread(self._put, PASSWORD_PATH.format(quote(server_id)), password)

    def _put(self, path: str, body: bytes) -> None:
        control = self._host.get(ControlPlane)
        place = urlsplit(control.url)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "127.0.0.1", place.port, timeout=TIMEOUT_S)
        try:
            headers = {**control.headers(), "Content-Type": "application/octet-stream"}
            connection.request("PUT", path, body=body, headers=headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                text = answer.read(500).decode(errors="replace")
                raise DriverError(f"The control plane did not take {path}: {answer.status} {text}")
        except (OSError, http.client.HTTPException) as error:
            raise DriverError(f"The control plane was not reached: {str(error) or type(error).__name__}") from error
        finally:
            connection.close()
