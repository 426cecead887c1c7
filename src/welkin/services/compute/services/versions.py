"""What older microversions of services looked like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from welkin.core.versions import refuse_fields
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.service import versions
from welkin.services.compute.services.api import (
    disable_service,
    disable_service_with_reason,
    enable_service,
    list_services,
    update_service,
)

Body = dict[str, Any]

passed_over_before("2.75", list_services)
OLD = (enable_service, disable_service, disable_service_with_reason)
versions.request_before("2.11", *OLD)(refuse_fields("forced_down"))


def services_of(body: Body) -> Iterator[Body]:
    """Yield each service of an answer."""
    yield from body["services"] if "services" in body else (body["service"],)


@versions.answer_last(list_services, update_service)
def without_numbers(body: Body) -> Body:
    """Numbers are for versions before 2.53."""
    for each in services_of(body):
        each.pop("_number", None)
    return body


@versions.answer_before("2.53", list_services)
def with_numbers(body: Body) -> Body:
    """A service had a number before 2.53."""
    for each in services_of(body):
        each["id"] = each["_number"]
    return body


@versions.answer_before("2.11", list_services)
def without_forced_down(body: Body) -> Body:
    """Forcing down came with 2.11."""
    for each in services_of(body):
        del each["forced_down"]
    return body
