"""What older microversions of flavors looked like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from welkin.core.versions import refuse_fields
from welkin.services.compute.flavors import access, extra_specs
from welkin.services.compute.flavors.api import (
    create_flavor,
    create_old_flavor,
    list_flavors,
    list_flavors_detail,
    show_flavor,
    update_flavor,
)
from welkin.services.compute.queries import Args, passed_over_before, refuse_args
from welkin.services.compute.service import versions

Body = dict[str, Any]

FULL = (list_flavors_detail, show_flavor, create_flavor, create_old_flavor, update_flavor)
SINGLE = (show_flavor, create_flavor, create_old_flavor, update_flavor)


def flavors_of(body: Body) -> Iterator[Body]:
    """Yield each flavor of an answer."""
    yield from body["flavors"] if "flavors" in body else (body["flavor"],)


def each(change: Callable[[Body], None]) -> Callable[[Body], Body]:
    """Return a change of every flavor of an answer."""

    def apply(body: Body) -> Body:
        for flavor in flavors_of(body):
            change(flavor)
        return body

    return apply


@versions.answer_last(*FULL)
@each
def without_what_was_kept_for_older_versions(flavor: Body) -> None:
    """The factor goes nowhere but into versions before 2.102."""
    flavor.pop("_rxtx_factor", None)


@versions.answer_before("2.102", *FULL)
@each
def with_factor(flavor: Body) -> None:
    """The network's factor and the unused mark went with 2.102."""
    flavor["rxtx_factor"] = flavor["_rxtx_factor"]
    flavor["OS-FLV-DISABLED:disabled"] = False


@versions.answer_before("2.75", *FULL)
@each
def without_zero_swap(flavor: Body) -> None:
    """No swap is 0 since 2.75; it was an empty text."""
    flavor["swap"] = flavor["swap"] or ""


@versions.answer_before("2.61", *FULL)
@each
def without_extra_specs(flavor: Body) -> None:
    """Extra specs came with 2.61."""
    flavor.pop("extra_specs", None)


@versions.answer_before("2.55", list_flavors, *FULL)
@each
def without_description(flavor: Body) -> None:
    """Descriptions came with 2.55."""
    flavor.pop("description")


versions.request_before("2.55", create_old_flavor)(refuse_fields("description", within="flavor"))

passed_over_before("2.75", list_flavors, list_flavors_detail, unknown=("name",))


@versions.query_before("2.102", list_flavors, list_flavors_detail)
def without_names(args: Args) -> Args:
    """The filter by name came with 2.102, when the factor ceased to sort."""
    refuse_args("name")(args)
    if args.get("sort_key", [""])[-1] == "rxtx_factor":
        return {**args, "sort_key": ["_rxtx_factor"]}
    return args


passed_over_before("2.102", show_flavor, access.list_access, extra_specs.list_specs, extra_specs.show_spec)
