"""What older microversions of hypervisors looked like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from welkin.services.compute.hypervisors.api import (
    list_hypervisors,
    list_hypervisors_detail,
    list_numbered_hypervisors,
    list_numbered_hypervisors_detail,
    list_servers_of_hypervisors,
    search_hypervisors,
    show_hypervisor,
    show_numbered_hypervisor,
    show_numbered_uptime,
    show_uptime,
)
from welkin.services.compute.queries import passed_over_before, without_args
from welkin.services.compute.service import versions

Body = dict[str, Any]

NUMBERED_LISTS = (list_numbered_hypervisors, list_numbered_hypervisors_detail)
NUMBERED = (
    *NUMBERED_LISTS,
    show_numbered_hypervisor,
    show_numbered_uptime,
    search_hypervisors,
    list_servers_of_hypervisors,
)
ALL = (*NUMBERED, list_hypervisors, list_hypervisors_detail, show_hypervisor, show_uptime)
LISTS = (list_hypervisors, list_hypervisors_detail, list_servers_of_hypervisors)

passed_over_before("2.53", *NUMBERED_LISTS)
versions.query_before("2.33", *NUMBERED_LISTS)(without_args("limit", "marker"))


def each(body: Body) -> Iterator[Body]:
    """Yield each hypervisor of an answer."""
    yield from body["hypervisors"] if "hypervisors" in body else (body["hypervisor"],)


@versions.answer_last(*ALL)
def without_what_was_kept_for_older_versions(body: Body) -> Body:
    """Numbers are for versions before 2.53, amounts for those before 2.88."""
    for hypervisor in each(body):
        for name in ("_number", "_old"):
            hypervisor.pop(name, None)
        if "service" in hypervisor:
            hypervisor["service"].pop("_number", None)
    return body


@versions.answer_before("2.88", *ALL)
def with_amounts(body: Body) -> Body:
    """What a hypervisor has was told before 2.88, and its uptime apart."""
    for hypervisor in each(body):
        if "_old" in hypervisor:
            hypervisor.update(hypervisor["_old"])
            del hypervisor["uptime"]
    return body


@versions.answer_before("2.75", *LISTS, show_hypervisor)
def without_empty_servers(body: Body) -> Body:
    """A hypervisor without servers had no list of them before 2.75."""
    for hypervisor in each(body):
        if not hypervisor.get("servers", True):
            del hypervisor["servers"]
    return body


@versions.answer_before("2.53", *NUMBERED)
def with_numbers(body: Body) -> Body:
    """Hypervisors and services had numbers before 2.53."""
    for hypervisor in each(body):
        hypervisor["id"] = hypervisor["_number"]
        if "service" in hypervisor:
            hypervisor["service"]["id"] = hypervisor["service"]["_number"]
    return body


@versions.answer_before("2.33", *NUMBERED_LISTS)
def without_links(body: Body) -> Body:
    """Pages came with 2.33."""
    body.pop("hypervisors_links", None)
    return body


@versions.answer_before("2.28", *NUMBERED)
def with_text_of_cpu(body: Body) -> Body:
    """The processor was told as JSON in a text before 2.28."""
    for hypervisor in each(body):
        if "cpu_info" in hypervisor:
            hypervisor["cpu_info"] = msgspec.json.encode(hypervisor["cpu_info"]).decode()
    return body
