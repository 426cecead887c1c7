"""A server as compute answers it: in the newest version, and carried down to the oldest."""

from __future__ import annotations

import msgspec

from welkin.core.versions import apply
from welkin.services.compute.room import ROOM as ROOM  # with the room come all changes between its versions
from welkin.services.compute.servers.api import show_server
from welkin.services.compute.servers.ports import Address
from welkin.services.compute.servers.tables import FlavorCopy, ImageCopy
from welkin.services.compute.servers.views import Around, ServerAnswer, ViewRow, view
from welkin.services.compute.service import versions

SERVER_ID = "7d0bd2a1-7a30-4a3e-9f3c-51c3c1f0a1b2"
PROJECT_ID, USER_ID = "a" * 32, "b" * 32
AT = 1_700_000_000.25
IMAGE = ImageCopy(
    id="1c7c8f0e-3b1c-4f57-8a3d-0e0a4c1de001", format="qcow2", size_bytes=1 << 24, properties={"hw_rng_model": "virtio"}
)
FLAVOR = FlavorCopy(id="42", name="m1.nano", vcpus=1, ram_mib=128, disk_gib=1)
ROW = ViewRow(
    id=SERVER_ID,
    reservation_id="r-0a1b2c3d",
    launch_index=0,
    project_id=PROJECT_ID,
    user_id=USER_ID,
    created_at=AT,
    updated_at=AT,
    name="web",
    hostname="web",
    description="The first of many.",
    access_ip_v4="",
    access_ip_v6="",
    disk_config="MANUAL",
    image=msgspec.json.encode(IMAGE).decode(),
    flavor_id=FLAVOR.id,
    flavor=msgspec.json.encode(FLAVOR).decode(),
    key_name="mine",
    user_data=None,
    config_drive=0,
    metadata='{"role":"web"}',
    hints="{}",
    availability_zone=None,
    trusted_certs=None,
    locked_by=None,
    locked_reason=None,
    host="host-1",
    zone="nova",
    vm_state="active",
    task_state=None,
    fault=None,
    launched_at=AT,
    terminated_at=None,
    deleted=0,
    power_state=1,
    progress=0,
)
BESIDE = Around(
    addresses={SERVER_ID: {"private": [Address("10.0.0.5", 4, "fixed", "fa:16:3e:00:00:01")]}},
    groups={SERVER_ID: [{"name": "default"}]},
    tags={SERVER_ID: ["blue"]},
    host_status={"host-1": "UP"},
    server_groups={},
    base_url="http://127.0.0.1:8774/compute",
    extended=True,
    extra_specs=True,
    is_admin=True,
    zone="nova",
)


def server() -> ServerAnswer:
    """Return the answer to an operator who asks for one server."""
    return ServerAnswer(view(ROW, BESIDE))


def newest(answer: ServerAnswer) -> bytes:
    """Return the answer's body as the newest version has it."""
    return msgspec.json.encode(answer)


def oldest(answer: ServerAnswer) -> bytes:
    """Return the answer's body as the oldest version has it."""
    chain = versions.down("answer", show_server, versions.minimum)
    return msgspec.json.encode(apply(chain, answer.for_older_versions()))
