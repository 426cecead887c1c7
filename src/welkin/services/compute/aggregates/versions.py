"""What older microversions of aggregates and availability zones looked like."""

from __future__ import annotations

from typing import Any

from welkin.services.compute.aggregates.api import (
    add_host,
    create_aggregate,
    list_aggregates,
    remove_host,
    set_metadata,
    show_aggregate,
    update_aggregate,
)
from welkin.services.compute.aggregates.zones import list_zones, list_zones_detail
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.service import versions

Body = dict[str, Any]
ALL = (list_aggregates, create_aggregate, show_aggregate, update_aggregate, add_host, remove_host, set_metadata)

passed_over_before("2.102", list_aggregates, show_aggregate, list_zones, list_zones_detail)


@versions.answer_before("2.41", *ALL)
def without_uuid(body: Body) -> Body:
    """An aggregate had only a number before 2.41."""
    for aggregate in body["aggregates"] if "aggregates" in body else (body["aggregate"],):
        del aggregate["uuid"]
    return body
