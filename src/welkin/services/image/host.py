"""A host's way to images' data: fetch it for a disk, bring it from a snapshot.  Everything runs in threads."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
from pathlib import Path
from urllib.parse import urlsplit

from welkin.core.cloud import ControlPlane
from welkin.core.errors import NotFound, Problem, Unavailable
from welkin.services.image.data.files import PART, sync_directory
from welkin.services.image.service import service

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 60.0


class Damaged(Unavailable):
    """What arrived is not what was sent; try again."""

    code = "image.damaged"


class Images:
    """The images of the cloud, as one host reaches them."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    async def fetch_image(self, image_id: str, destination: Path) -> int:
        """Write an image's data to `destination`, whole and proved or not at all; return its size in bytes.

        Raises NotFound for an image that is gone, Unavailable for what may be tried again.
        """
        return await asyncio.to_thread(self._fetch, image_id, destination)

    async def send_image(self, image_id: str, source: Path) -> None:
        """Bring the data of an image that waits for this host.

        Raises NotFound when the image is gone or does not wait for us, Problem when the data is
        refused, Unavailable for what may be tried again.
        """
        await asyncio.to_thread(self._send, image_id, source)

    def _fetch(self, image_id: str, destination: Path) -> int:
        part = destination.with_name(destination.name + PART)
        connection = self._connect()
        try:
            connection.request("GET", _path(image_id), headers=self._control.headers())
            response = connection.getresponse()
            _check(response, image_id)
            expected, announced = response.headers.get("X-Image-Hash", ""), response.length
            digest, size = hashlib.sha512(), 0
            with part.open("wb") as file:
                while chunk := response.read(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                file.flush()
                os.fsync(file.fileno())
            if size != announced or digest.hexdigest() != expected:
                raise Damaged(f"Image {image_id} did not arrive as it was sent: {size} of {announced} bytes.")
            part.rename(destination)
            sync_directory(destination.parent)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"Image {image_id} could not be fetched: {error}") from error
        else:
            return size
        finally:
            connection.close()
            part.unlink(missing_ok=True)

    def _send(self, image_id: str, source: Path) -> None:
        size = source.stat().st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        connection = self._connect()
        try:
            with source.open("rb") as file:
                connection.request("PUT", _path(image_id), body=file, headers={**headers, **self._control.headers()})
            _check(connection.getresponse(), image_id)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"Image {image_id} could not be sent: {error}") from error
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._control.url)
        kind = http.client.HTTPSConnection if parts.scheme in ("https", "wss") else http.client.HTTPConnection
        connection = kind(parts.hostname or "localhost", parts.port, timeout=TIMEOUT_S)
        connection.blocksize = CHUNK_BYTES
        return connection


def _path(image_id: str) -> str:
    return f"{service.prefix}/v2/agent/images/{image_id}/file"


def _check(response: http.client.HTTPResponse, image_id: str) -> None:
    if response.status < 300:
        return
    message = response.read(4096).decode(errors="replace")
    if response.status == 404:
        raise NotFound(f"Image {image_id} is gone, or not for this host.")
    if response.status in (409, 410, 413, 415):
        raise Problem(f"Image {image_id} was refused: {message}")
    raise Unavailable(f"Image {image_id}: the control plane answered {response.status}: {message}")
