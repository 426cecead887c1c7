"""What older microversions of usage, moves and audits looked like."""

from __future__ import annotations

from typing import Any

from welkin.services.compute.queries import passed_over_before, refuse_args, without_args
from welkin.services.compute.service import versions
from welkin.services.compute.usage.api import list_usages, show_usage
from welkin.services.compute.usage.audits import list_audits, show_audits
from welkin.services.compute.usage.migrations import list_migrations

Body = dict[str, Any]

passed_over_before("2.75", list_usages, show_usage)
versions.query_before("2.40", list_usages, show_usage)(without_args("limit", "marker"))
passed_over_before("2.102", list_audits, show_audits)

LATER = ("changes-before", "user_id", "project_id")
passed_over_before("2.59", list_migrations, unknown=("limit", "marker", "changes-since", *LATER))
versions.query_before("2.66", list_migrations)(refuse_args("changes-before"))
versions.query_before("2.80", list_migrations)(refuse_args("user_id", "project_id"))


@versions.answer_before("2.40", list_usages, show_usage)
def without_links(body: Body) -> Body:
    """Pages of usage came with 2.40."""
    for name in ("tenant_usages_links", "tenant_usage_links"):
        body.pop(name, None)
    return body


@versions.answer_before("2.80", list_migrations)
def without_owner(body: Body) -> Body:
    """Whose server moved is told since 2.80."""
    for migration in body["migrations"]:
        del migration["user_id"], migration["project_id"]
    return body


@versions.answer_before("2.59", list_migrations)
def without_uuid(body: Body) -> Body:
    """Moves had only numbers before 2.59, and no pages."""
    body.pop("migrations_links", None)
    for migration in body["migrations"]:
        del migration["uuid"]
    return body


@versions.answer_before("2.23", list_migrations)
def without_type(body: Body) -> Body:
    """What kind of move it is came with 2.23."""
    for migration in body["migrations"]:
        del migration["migration_type"]
        migration.pop("links", None)
    return body
