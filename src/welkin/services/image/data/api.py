"""Data over HTTP: upload, download, staging; and the way of the hosts' agents."""

from __future__ import annotations

import re

from welkin.core import quota
from welkin.core.agent_api import AGENT
from welkin.core.answers import Answer, File
from welkin.core.db import Transaction
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound, RangeNotSatisfiable
from welkin.core.http import Call, Routes, Upload
from welkin.services.image import policy
from welkin.services.image.data.intake import Intake, taking
from welkin.services.image.errors import ImageNotFound, WrongContentType, over_quota
from welkin.services.image.images import store as images
from welkin.services.image.images.api import ONE, load
from welkin.services.image.images.store import MIB, Quotas
from welkin.services.image.options import ImageOptions
from welkin.services.image.service import service
from welkin.services.image.tables import ImageRow

routes = Routes(service)
BINARY = "application/octet-stream"
SIZE_HEADER = b"x-openstack-image-size"
HASH_HEADER = "X-Image-Hash"
AGENTS = "/v2/agent/images/{image_id}/file"


@routes.put(ONE + "/file", rule=policy.UPLOAD_IMAGE, late=True, status=204)
async def upload_data(call: Call, image_id: str, upload: Upload) -> None:
    """Take an image's data; it can be used when all of it is there."""
    expected = _announced(call)
    _check_store(call)
    intake = call.get(Intake)
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, policy.UPLOAD_IMAGE)
        quotas = Quotas(call.get(ImageOptions))
        await _claim(tx, row, [(quotas.uploading, 1), (quotas.size, _mib(expected))])
        name = await intake.begin(tx, image_id, "queued", "saving")
    async with taking(intake, image_id, name):
        await intake.activate(image_id, await intake.receive(image_id, name, aiter(upload), expected))


@routes.put(ONE + "/stage", rule=policy.MODIFY_IMAGE, late=True, status=204)
async def stage_data(call: Call, image_id: str, upload: Upload) -> None:
    """Take data that is to be imported later."""
    expected = _announced(call)
    intake = call.get(Intake)
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, policy.MODIFY_IMAGE)
        quotas = Quotas(call.get(ImageOptions))
        await _claim(tx, row, [(quotas.uploading, 1), (quotas.staged, _mib(expected))])
        name = await intake.begin(tx, image_id, "queued", "uploading")
    async with taking(intake, image_id, name):
        await intake.stage(image_id, await intake.receive(image_id, name, aiter(upload), expected))


@routes.get(ONE + "/file", rule=policy.DOWNLOAD_IMAGE, late=True)
async def download_data(call: Call, image_id: str) -> File | Answer:
    """Send an image's data, or the part of it that is asked for."""
    row = await load(call, call.db, image_id, policy.DOWNLOAD_IMAGE)
    if row.status == "deactivated" and not call.actor.is_admin:
        raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
    if row.status not in ("active", "deactivated"):
        return Answer(status=204)
    return _file(call, row)


@routes.get(AGENTS, rule=AGENT)
async def download_for_agent(call: Call, image_id: str) -> File:
    """Send a host's agent an image's data, with the checksum to prove it by."""
    row = await images.find(call.db, image_id)
    if row is None:
        raise ImageNotFound(image_id)
    if row.status not in ("active", "deactivated"):
        raise Conflict(f"Image {image_id} is {row.status}, and has no data yet.")
    return _file(call, row)


@routes.put(AGENTS, rule=AGENT, status=204)
async def upload_from_agent(call: Call, image_id: str, upload: Upload) -> None:
    """Take the data of an image that compute makes, from the host that it expects it from."""
    expected = _announced(call)
    intake = call.get(Intake)
    async with call.db.tx() as tx:
        row = await images.find(tx, image_id)
        if row is None or row.bringer != call.actor.user_id:
            raise ImageNotFound(image_id)
        name = await intake.begin(tx, image_id, "queued", "saving")
    async with taking(intake, image_id, name):
        await intake.activate(image_id, await intake.receive(image_id, name, aiter(upload), expected))


async def _claim(tx: Transaction, row: ImageRow, claims: list[tuple[quota.Resource, int]]) -> None:
    if row.owner is not None:
        await quota.claim(tx, row.owner, [quota.Claim(resource, amount) for resource, amount in claims], over_quota)


def _mib(size: int | None) -> int:
    return max(1, (size or 0) // MIB)


def _announced(call: Call) -> int | None:
    """Return how many bytes the client says will come.  Raises WrongContentType, Invalid."""
    kind = call.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if kind != BINARY:
        raise WrongContentType(BINARY)
    text = call.headers.get(SIZE_HEADER) or call.headers.get(b"content-length")
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise Invalid("Invalid or missing image size in request headers.")
    return int(text)


def _check_store(call: Call) -> None:
    store = call.headers.get(b"x-image-meta-store")
    if store not in (None, b"file"):
        raise Invalid(f"Store {store.decode('latin-1') if store else ''} is not configured.")


def _file(call: Call, row: ImageRow) -> File:
    size = row.size or 0
    headers = {"Accept-Ranges": "bytes", HASH_HEADER: row.os_hash_value or ""}
    if row.checksum:
        headers["Content-MD5"] = row.checksum
    path = call.get(Intake).files.path(row.id, row.file or "")
    if not path.is_file():
        raise NotFound(f"The data of image {row.id} could not be found.")
    asked = call.headers.get(b"range")
    if asked is None:
        return File(path=path, length=size, headers=headers)
    first, last = _range(asked.decode("latin-1"), size)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    del headers[HASH_HEADER]
    return File(path=path, offset=first, length=last - first + 1, status=206, headers=headers)


def _range(text: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte of a range.  Raises RangeNotSatisfiable."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if match is None or match.groups() == ("", ""):
        raise RangeNotSatisfiable("Invalid Range header. Only one range of bytes can be asked for.")
    first, last = match.groups()
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last), size - 1) if last else size - 1
    if begin > end or begin >= size:
        raise RangeNotSatisfiable(f"The image has {size} bytes; {text} lies outside of it.")
    return begin, end
