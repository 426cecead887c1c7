"""Making servers: quota, rows, ports, work and history, all in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from welkin.core import events, quota, tags, work
from welkin.core.db import Transaction
from welkin.core.errors import Forbidden
from welkin.core.http import Call
from welkin.core.quota import Claim, Excess, QuotaExceeded
from welkin.services.compute.fields import truth
from welkin.services.compute.quotas.users import claim_for_user
from welkin.services.compute.server_groups.tables import MEMBERS, add_member, members_of
from welkin.services.compute.servers import ports, states, transitions
from welkin.services.compute.servers.requests import Draft, host_label
from welkin.services.compute.servers.schedule import disk_gib_of
from welkin.services.compute.servers.tables import CORES, DISK, INSTANCES, KIND, METADATA_ITEMS, RAM, ServerRow


async def store(call: Call, tx: Transaction, draft: Draft) -> list[ServerRow]:
    """Write as many servers as are asked for and the quota allows.  Raises QuotaExceeded."""
    await check_metadata(tx, draft.wish.metadata, call.actor.project_id or "")
    count = await claim(tx, (call.actor.project_id or "", call.actor.user_id), draft)
    begun = transitions.begun_by(call)
    reservation_id = "r-" + call.world.new_hex()[:8]
    servers = []
    for index in range(count):
        server = new_row(call, draft, reservation_id, index, count)
        server.action_id = await transitions.note_action(tx, begun, server, states.CREATE)
        server.deadline = server.created_at + begun.options.build_timeout_s
        await tx.insert("servers", server)
        if draft.wish.tags:
            await tags.put(tx, KIND, server.id, draft.wish.tags)
        if draft.group_id is not None:
            await join_group(tx, server, draft.group_id)
        facts = {"flavor": draft.flavor.name, "image": server.image_id}
        await events.record(
            tx, call.world, f"{KIND}.create", server.id, project_id=server.project_id, user_id=server.user_id, **facts
        )
        await ports.make(call, tx, server, draft.networks, draft.group_names)
        await work.want(tx, KIND, server.id)
        servers.append(server)
    return servers


async def join_group(tx: Transaction, server: ServerRow, group_id: str) -> None:
    """Put a server into a server group.  Raises Forbidden when the group is full."""
    limit = (await quota.limits(tx, server.project_id, [MEMBERS]))[MEMBERS.name]
    count = len((await members_of(tx, [group_id]))[group_id])
    if limit != quota.UNLIMITED and count >= limit:
        raise Forbidden("Quota exceeded, too many servers in group")
    await add_member(tx, group_id, server.id)


async def claim(tx: Transaction, owner: tuple[str, str], draft: Draft) -> int:
    """Claim quota for as many servers as fit, and return how many; at least `min_count` must.

    owner   the ids of the project and of the user, who may have a limit of their own.
    Raises  QuotaExceeded.
    """
    flavor, (project_id, user_id) = draft.flavor, owner

    async def ask(count: int) -> None:
        each = (INSTANCES, 1), (CORES, flavor.vcpus), (RAM, flavor.ram_mib), (DISK, disk_gib_of(flavor))
        claims = [Claim(resource, count * amount) for resource, amount in each]
        await quota.claim(tx, project_id, claims)
        await claim_for_user(tx, project_id, user_id, claims)

    try:
        await ask(draft.max_count)
    except QuotaExceeded as error:
        fitting = min(fits(each, draft.max_count) for each in error.excesses)
        if fitting < draft.min_count:
            raise
        await ask(fitting)
        return fitting
    return draft.max_count


def fits(excess: Excess, count: int) -> int:
    """Return how many of `count` equal things a limit still allows."""
    return max(0, excess.quota - excess.used) // max(1, excess.asked // count)


async def check_metadata(tx: Transaction, metadata: dict[str, str], project_id: str) -> None:
    """Check how many items of metadata a server may have.  Raises Forbidden."""
    if not metadata:
        return
    limit = (await quota.limits(tx, project_id, [METADATA_ITEMS]))[METADATA_ITEMS.name]
    if limit != quota.UNLIMITED and len(metadata) > limit:
        raise Forbidden(f"Maximum number of metadata items exceeds {limit}")


def new_row(call: Call, draft: Draft, reservation_id: str, index: int, count: int) -> ServerRow:
    """Return a new server as a row, number `index` of `count`."""
    now, server_id, wish = call.world.now(), call.world.new_id(), draft.wish
    name = draft.name if count == 1 else f"{draft.name}-{index + 1}"
    return ServerRow(
        id=server_id,
        reservation_id=reservation_id,
        launch_index=index,
        project_id=call.actor.project_id or "",
        user_id=call.actor.user_id,
        created_at=now,
        updated_at=now,
        name=name,
        hostname=draft.hostname or host_label(name, server_id),
        description=draft.description,
        access_ip_v4=draft.access_ip_v4,
        access_ip_v6=draft.access_ip_v6,
        disk_config="MANUAL" if wish.disk_config is UNSET else wish.disk_config,
        image_id="" if draft.image is None else draft.image.id,
        image=draft.image,
        flavor_id=draft.flavor.id,
        flavor=draft.flavor,
        vcpus=draft.flavor.vcpus,
        ram_mib=draft.flavor.ram_mib,
        disk_gib=disk_gib_of(draft.flavor),
        key_name=None if draft.key is None else draft.key.name,
        key=draft.key,
        user_data=None if wish.user_data is UNSET else wish.user_data,
        config_drive=truth(wish.config_drive),
        metadata=wish.metadata,
        hints=draft.hints,
        availability_zone=draft.zone,
        wanted_host=draft.host,
        force_host=draft.force_host,
        trusted_certs=wish.trusted_image_certificates,
        admin_password=draft.password,
    )


def created(call: Call, draft: Draft, servers: Sequence[ServerRow]) -> dict[str, Any]:
    """Return what a client learns of a server that was just asked for."""
    first = servers[0]
    if truth(draft.wish.return_reservation_id):
        return {"reservation_id": first.reservation_id}
    asked = draft.wish.security_groups
    groups = [{"name": "default"}] if asked is UNSET else [{"name": g.name} for g in asked if g.name is not UNSET]
    base = call.base_url
    return {
        "server": {
            "id": first.id,
            "links": [
                {"rel": "self", "href": f"{base}/v2.1/servers/{first.id}"},
                {"rel": "bookmark", "href": f"{base}/servers/{first.id}"},
            ],
            "OS-DCF:diskConfig": first.disk_config,
            "security_groups": groups,
            "adminPass": draft.password,
        }
    }
