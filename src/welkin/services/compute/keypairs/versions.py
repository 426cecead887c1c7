"""What older microversions of key pairs looked like."""

from __future__ import annotations

import re
from typing import Any

from welkin.core.errors import Invalid
from welkin.core.versions import refuse_fields
from welkin.services.compute.keypairs.api import (
    create_keypair,
    delete_keypair,
    list_keypairs,
    show_keypair,
)
from welkin.services.compute.queries import passed_over_before, without_args
from welkin.services.compute.service import versions

Body = dict[str, Any]

versions.status_before("2.2", 200, create_keypair)
versions.status_before("2.2", 202, delete_keypair)
versions.request_before("2.2", create_keypair)(refuse_fields("type", within="keypair"))
versions.request_before("2.10", create_keypair)(refuse_fields("user_id", within="keypair"))
passed_over_before("2.75", list_keypairs, show_keypair, delete_keypair)
versions.query_before("2.10", list_keypairs, show_keypair, delete_keypair)(without_args("user_id"))
versions.query_before("2.35", list_keypairs)(without_args("limit", "marker"))


@versions.request_before("2.92", create_keypair)
def with_plain_names(body: Body) -> Body:
    """Names may hold `@` and `.` since 2.92; a key that is null was never one."""
    keypair = body.get("keypair")
    if isinstance(keypair, dict):
        name = keypair.get("name")
        if isinstance(name, str) and re.search("[@.]", name):
            raise Invalid(f"Invalid input for field/attribute name. Value: {name}.")
        if keypair.get("public_key", "") is None or keypair.get("user_id", "") is None:
            raise Invalid("Invalid input for field/attribute keypair. None is not of type 'string'")
    return body


@versions.answer_before("2.35", list_keypairs)
def without_links(body: Body) -> Body:
    """Pages came with 2.35."""
    body.pop("keypairs_links", None)
    return body


@versions.answer_before("2.2", list_keypairs)
def without_types(body: Body) -> Body:
    """Types came with 2.2."""
    for each in body["keypairs"]:
        del each["keypair"]["type"]
    return body


@versions.answer_before("2.2", show_keypair, create_keypair)
def without_type(body: Body) -> Body:
    """Types came with 2.2."""
    del body["keypair"]["type"]
    return body
