"""Images as clients before 2.36 know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import Meta, Struct

from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.compute.links import links, next_links
from welkin.services.compute.proxies import policy
from welkin.services.compute.proxies.asking import IMAGE, LAST_VERSION, ask, path_of
from welkin.services.compute.service import service
from welkin.services.compute.values import MetadataKey, MetadataValue

routes = Routes(service)
Image = Mapping[str, Any]
LAST_METADATA = "2.38"
"""The last version that has the calls about properties."""
PATCH = "application/openstack-images-v2.1-json-patch"


class Metadata(Struct, forbid_unknown_fields=True):
    """Properties of an image."""

    metadata: dict[MetadataKey, MetadataValue]


class MetadataItem(Struct, forbid_unknown_fields=True):
    """One property of an image."""

    meta: Annotated[dict[MetadataKey, MetadataValue], Meta(min_length=1, max_length=1)]


STATES = {
    "active": "ACTIVE",
    "queued": "SAVING",
    "saving": "SAVING",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
    "killed": "ERROR",
}
PROGRESS = {"queued": 25, "saving": 50, "active": 100}
OWN = frozenset(
    (
        *("id", "name", "status", "visibility", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value"),
        *("os_hidden", "container_format", "disk_format", "created_at", "updated_at", "protected", "owner", "stores"),
        *("min_disk", "min_ram", "tags", "file", "schema", "self", "locations", "direct_url"),
    )
)
"""What image tells of every image; the rest are properties."""
PASSED_ON = {
    "name": "name",
    "status": "status",
    "limit": "limit",
    "marker": "marker",
    "changes-since": "updated_at",
    "server": "instance_uuid",
    "type": "image_type",
    "minRam": "min_ram",
    "minDisk": "min_disk",
}
"""What filters, and what image calls it."""
PROPERTY = "property-"
"""What the filter for a property begins with."""


@routes.get("/v2.1/images", rule=policy.IMAGES, until=LAST_VERSION)
async def list_images(call: Call) -> dict[str, Any]:
    """List images, in short."""
    images = await find_all(call)
    return {"images": [brief(call, each) for each in images], **page(call, "images", images)}


@routes.get("/v2.1/images/detail", rule=policy.IMAGES, until=LAST_VERSION)
async def list_images_detail(call: Call) -> dict[str, Any]:
    """List images with everything."""
    images = await find_all(call)
    return {"images": [full(call, each) for each in images], **page(call, "images/detail", images)}


@routes.get("/v2.1/images/{image_id}", rule=policy.IMAGES, until=LAST_VERSION)
async def show_image(call: Call, image_id: str) -> dict[str, Any]:
    """Show an image."""
    return {"image": full(call, await find(call, image_id))}


@routes.delete("/v2.1/images/{image_id}", rule=policy.IMAGES, until=LAST_VERSION)
async def delete_image(call: Call, image_id: str) -> None:
    """Delete an image."""
    await find(call, image_id)
    await ask(call, "DELETE", path_of(IMAGE, "images", image_id))


@routes.get("/v2.1/images/{image_id}/metadata", rule=policy.IMAGES, until=LAST_METADATA)
async def list_image_metadata(call: Call, image_id: str) -> dict[str, Any]:
    """List the properties of an image."""
    return {"metadata": properties(await find(call, image_id))}


@routes.get("/v2.1/images/{image_id}/metadata/{key}", rule=policy.IMAGES, until=LAST_METADATA)
async def show_image_metadata(call: Call, image_id: str, key: str) -> dict[str, Any]:
    """Show one property of an image."""
    found = properties(await find(call, image_id))
    if key not in found:
        raise NotFound("Metadata item was not found")
    return {"meta": {key: found[key]}}


@routes.post("/v2.1/images/{image_id}/metadata", rule=policy.IMAGES, status=200, until=LAST_METADATA)
async def add_image_metadata(call: Call, image_id: str, body: Metadata) -> dict[str, Any]:
    """Add properties to an image."""
    have = properties(await find(call, image_id))
    return {"metadata": await write(call, image_id, have, {**have, **body.metadata})}


@routes.put("/v2.1/images/{image_id}/metadata", rule=policy.IMAGES, until=LAST_METADATA)
async def replace_image_metadata(call: Call, image_id: str, body: Metadata) -> dict[str, Any]:
    """Make these the properties of an image."""
    have = properties(await find(call, image_id))
    return {"metadata": await write(call, image_id, have, body.metadata)}


@routes.put("/v2.1/images/{image_id}/metadata/{key}", rule=policy.IMAGES, until=LAST_METADATA)
async def update_image_metadata(call: Call, image_id: str, key: str, body: MetadataItem) -> dict[str, Any]:
    """Set one property of an image."""
    if list(body.meta) != [key]:
        raise Invalid("Request body and URI mismatch")
    have = properties(await find(call, image_id))
    await write(call, image_id, have, {**have, **body.meta})
    return {"meta": body.meta}


@routes.delete("/v2.1/images/{image_id}/metadata/{key}", rule=policy.IMAGES, until=LAST_METADATA)
async def delete_image_metadata(call: Call, image_id: str, key: str) -> None:
    """Delete one property of an image."""
    have = properties(await find(call, image_id))
    if key not in have:
        raise NotFound("Invalid metadata key")
    await write(call, image_id, have, {name: value for name, value in have.items() if name != key})


async def write(call: Call, image_id: str, have: Image, want: Image) -> Image:
    """Have the image service change properties from what an image has to what is wanted; return the latter."""
    steps: list[dict[str, Any]] = [{"op": "remove", "path": pointer(name)} for name in have if name not in want]
    for name, value in want.items():
        if name not in have or have[name] != value:
            steps.append({"op": "replace" if name in have else "add", "path": pointer(name), "value": value})
    if steps:
        await ask(call, "PATCH", path_of(IMAGE, "images", image_id), steps, PATCH)
    return want


def pointer(name: str) -> str:
    """Return a property's name as a JSON pointer."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


async def find(call: Call, image_id: str) -> Image:
    """Return an image as the image service has it.  Raises NotFound."""
    try:
        found: Image = await ask(call, "GET", path_of(IMAGE, "images", image_id))
    except NotFound:
        raise NotFound("Image not found.") from None
    return found


async def find_all(call: Call) -> list[Image]:
    """Return the images that the query asks for, as the image service has them."""
    args = {PASSED_ON[name]: values[-1] for name, values in call.args.items() if name in PASSED_ON}
    for name, values in call.args.items():
        if name.startswith(PROPERTY):
            args[name.removeprefix(PROPERTY)] = values[-1]
    if "instance_uuid" in args:
        args["instance_uuid"] = args["instance_uuid"].rpartition("/")[2]  # a server is named by its address, too
    if "status" in args:
        args["status"] = next((ours for ours, theirs in STATES.items() if theirs == args["status"].upper()), "none")
    if "updated_at" in args:
        args["updated_at"] = f"gte:{args['updated_at']}"
    answer = await ask(call, "GET", f"{IMAGE}/images?{urlencode({'limit': '1000', **args})}")
    images: list[Image] = answer["images"]
    return images


def page(call: Call, collection: str, images: list[Image]) -> dict[str, Any]:
    """Return the link to the next page, if there is one."""
    following = next_links(call, collection, [each["id"] for each in images])
    return {"images_links": following} if following else {}


def properties(image: Image) -> dict[str, Any]:
    """Return what is told of this image beyond what is told of all."""
    return {name: value for name, value in image.items() if name not in OWN}


def brief(call: Call, image: Image) -> dict[str, Any]:
    """Return an image as the short list has it."""
    id = image["id"]
    alternate = {
        "rel": "alternate",
        "type": "application/vnd.openstack.image",
        "href": f"{call.origin}/image/images/{id}",
    }
    return {"id": id, "name": image["name"], "links": [*links(call, "images", id), alternate]}


def full(call: Call, image: Image) -> dict[str, Any]:
    """Return an image with everything."""
    metadata = properties(image)
    found = {
        **brief(call, image),
        "minRam": image["min_ram"],
        "minDisk": image["min_disk"],
        "metadata": metadata,
        "created": image["created_at"],
        "updated": image["updated_at"],
        "status": STATES.get(image["status"], "UNKNOWN"),
        "progress": PROGRESS.get(image["status"], 0),
        "OS-EXT-IMG-SIZE:size": image["size"],
    }
    if "instance_uuid" in metadata:
        id = metadata["instance_uuid"]
        found["server"] = {"id": id, "links": links(call, "servers", id)}
    if "auto_disk_config" in metadata:
        found["OS-DCF:diskConfig"] = "AUTO" if str(metadata["auto_disk_config"]).lower() == "true" else "MANUAL"
    return found
