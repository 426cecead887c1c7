"""Allocation candidates over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from welkin.core.answers import Answer
from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Select
from welkin.services.placement import policy
from welkin.services.placement.candidates import search
from welkin.services.placement.candidates.plan import Candidate, Node
from welkin.services.placement.candidates.request import FLAT, KEY, parse
from welkin.services.placement.candidates.search import Pair, providers_of
from welkin.services.placement.providers import older
from welkin.services.placement.service import answer, service, versions

routes = Routes(service)
IDS_IN_QUERY_MAX = 500
"""Above this, everything is read and sorted out here."""

Args = dict[str, list[str]]


class Amounts(msgspec.Struct, frozen=True):
    """What a provider has of a class, and how much of it is used."""

    provider_id: str
    resource_class: str
    capacity: int
    used: int


@routes.get("/allocation_candidates", rule=policy.CANDIDATES_LIST, since="1.10")
async def list_candidates(call: Call, query: dict[str, list[str]]) -> Answer:
    """Return the ways in which a request could be met now, and what their providers are like."""
    request = parse(query)
    found = await search.candidates(call.db, request)
    body = {
        "allocation_requests": [_view(candidate) for candidate in found],
        "provider_summaries": await _summaries(call.db, providers_of(found), whole_trees=not request.flat),
    }
    return answer(call, body)


def _view(candidate: Candidate) -> dict[str, Any]:
    allocations = {id: {"resources": dict(resources)} for id, resources in candidate.allocations.items()}
    return {"allocations": allocations, "mappings": candidate.mappings}


async def _summaries(reads: Reads, provider_ids: set[str], *, whole_trees: bool) -> dict[str, Any]:
    if not provider_ids:
        return {}
    nodes = await reads.all(Node, f"SELECT {columns(Node)} FROM resource_providers")
    roots = {node.root_id for node in nodes if node.id in provider_ids}
    shown = {node.id: node for node in nodes if (node.root_id in roots if whole_trees else node.id in provider_ids)}
    found: dict[str, dict[str, Any]] = {
        node.id: {
            "resources": {},
            "traits": [],
            "parent_provider_uuid": node.parent_id,
            "root_provider_uuid": node.root_id,
        }
        for node in shown.values()
    }
    select = _among("provider_id", shown)
    sql = f"SELECT {columns(Amounts)} FROM resource_inventories{select.clause()}"
    for row in await reads.all(Amounts, sql, *select.values):
        if row.provider_id in found:
            resources = found[row.provider_id]["resources"]
            resources[row.resource_class] = {"capacity": row.capacity, "used": row.used}
    sql = f"SELECT provider_id, trait FROM resource_provider_traits{select.clause()} ORDER BY trait"
    for pair in await reads.all(Pair, sql, *select.values):
        if pair.id in found:
            found[pair.id]["traits"].append(pair.value)
    return found


def _among(column: str, ids: Iterable[str]) -> Select:
    wanted = list(ids)
    select = Select()
    if len(wanted) <= IDS_IN_QUERY_MAX:
        select.any_of(column, wanted)
    return select


# What older versions did not know, newest first.


@versions.query_before("1.36", list_candidates)
def refuse_groups_without_resources(args: Args) -> Args:
    """Before 1.36 every group had resources."""
    older.refuse_argument("same_subtree")(args)
    for name, word in (("required", "traits"), ("member_of", "member_of"), ("in_tree", "in_tree")):
        orphans = [key for key in older.named(args, name) if f"resources{key.removeprefix(name)}" not in args]
        if orphans:
            raise Invalid(
                f"All {word} parameters must be associated with resources. "
                f"Found the following orphaned {word} keys: {', '.join(orphans)}"
            )
    if not any(older.named(args, "resources")):
        raise Invalid("At least one request group (`resources` or `resources{$S}`) is required.")
    return args


@versions.query_before("1.33", list_candidates)
def refuse_words_as_suffixes(args: Args) -> Args:
    """Before 1.33 a suffix was a number."""
    for key in args:
        matched = KEY.match(key)
        suffix = (matched.group(2) if matched else None) or "1"
        if not suffix.isdigit() or suffix.startswith("0"):
            raise Invalid(f"Invalid query string parameters: {key!r} does not match any of the regexes")
    return args


@versions.query_before("1.29", list_candidates)
def without_trees(args: Args) -> Args:
    """Before 1.29 a candidate had one provider of a tree at most."""
    return {**args, FLAT: [""]}


@versions.query_before("1.25", list_candidates)
def refuse_suffixes(args: Args) -> Args:
    """Before 1.25 there was one group, and it had resources."""
    for key in args:
        matched = KEY.match(key)
        if (matched and matched.group(2)) or key == "group_policy":
            raise Invalid(
                f"Invalid query string parameters: Additional properties are not allowed ({key!r} was unexpected)"
            )
    if "resources" not in args:
        raise Invalid("Invalid query string parameters: 'resources' is a required property")
    return args


versions.query_before("1.39", list_candidates)(older.last_required_alone)
versions.query_before("1.35", list_candidates)(older.refuse_argument("root_required"))
versions.query_before("1.32", list_candidates)(older.refuse_forbidden_aggregates)
versions.query_before("1.31", list_candidates)(older.refuse_argument("in_tree"))
versions.query_before("1.24", list_candidates)(older.refuse_repeated_aggregates)
versions.query_before("1.22", list_candidates)(older.refuse_forbidden_traits)
versions.query_before("1.21", list_candidates)(older.refuse_argument("member_of"))
versions.query_before("1.17", list_candidates)(older.refuse_argument("required"))
versions.query_before("1.16", list_candidates)(older.refuse_argument("limit"))


@versions.answer_before("1.34", list_candidates)
def without_mappings(body: dict[str, Any]) -> dict[str, Any]:
    """Mappings came with 1.34."""
    for each in body["allocation_requests"]:
        del each["mappings"]
    return body


@versions.answer_before("1.29", list_candidates)
def without_parents(body: dict[str, Any]) -> dict[str, Any]:
    """Trees came with 1.29."""
    for summary in body["provider_summaries"].values():
        del summary["parent_provider_uuid"], summary["root_provider_uuid"]
    return body


@versions.answer_before("1.27", list_candidates)
def requested_classes_only(body: dict[str, Any]) -> dict[str, Any]:
    """Before 1.27 summaries had only the classes that were asked for."""
    asked = {
        name
        for each in body["allocation_requests"]
        for allocation in each["allocations"].values()
        for name in allocation["resources"]
    }
    for summary in body["provider_summaries"].values():
        summary["resources"] = {name: value for name, value in summary["resources"].items() if name in asked}
    return body


@versions.answer_before("1.17", list_candidates)
def without_traits(body: dict[str, Any]) -> dict[str, Any]:
    """Traits came with 1.17."""
    for summary in body["provider_summaries"].values():
        del summary["traits"]
    return body


@versions.answer_before("1.12", list_candidates)
def as_list(body: dict[str, Any]) -> dict[str, Any]:
    """Before 1.12 allocations were a list."""
    for each in body["allocation_requests"]:
        each["allocations"] = [
            {"resource_provider": {"uuid": id}, "resources": allocation["resources"]}
            for id, allocation in each["allocations"].items()
        ]
    return body
