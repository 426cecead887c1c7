"""The APIs as an OpenAPI document, made from the routes and the Structs that they take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_origin

import msgspec

from welkin.core.policy import PUBLIC
from welkin.core.routing import Route
from welkin.core.versions import text

SCHEMA_PLACE = "#/components/schemas/{name}"


def document(routes: Iterable[Route], title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `routes`, at each service's newest version.

    Actions of one path share a POST: its body is one of theirs.
    """
    served = [route for route in routes if newest(route)]
    bodies = {route: route.body for route in served if route.body is not None}
    shapes, components = schemas(bodies)
    paths: dict[str, dict[str, Any]] = {}
    for route in served:
        path = paths.setdefault(route.service.prefix + route.path or "/", {})
        operation = path.setdefault(route.method.lower(), new_operation(route))
        schema = shapes.get(route)
        if route.action is not None:
            variants = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
            variants.append(action_schema(route.action, schema))
        elif schema is not None:
            operation["requestBody"] = json_body(schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
        "security": [{"token": []}],
    }


def newest(route: Route) -> bool:
    """Return whether the newest version serves this route."""
    versions = route.service.versions
    return versions is None or route.since <= versions.maximum <= route.until


def schemas(bodies: dict[Route, Any]) -> tuple[dict[Route, Any], dict[str, Any]]:
    """Return the schema of each route's body, and the named ones that they refer to."""
    found, components = msgspec.json.schema_components(list(bodies.values()), ref_template=SCHEMA_PLACE)
    return dict(zip(bodies, found, strict=True)), components


def new_operation(route: Route) -> dict[str, Any]:
    """Return the description of a route without its body."""
    operation: dict[str, Any] = {
        "operationId": f"{route.service.type}.{route.handler.__name__}",
        "tags": [route.service.type],
        "summary": (route.handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [*path_parameters(route), *query_parameters(route), *version_parameters(route)],
        "responses": {str(route.status): {"description": "Done."}, "default": {"description": "Refused."}},
    }
    if route.rule is PUBLIC:
        operation["security"] = []
    if route.action is not None:
        operation["requestBody"] = json_body({"oneOf": []})
    if route.uploads:
        operation["requestBody"] = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    return operation


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the arguments in the route's path."""
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def query_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the arguments of the query that the route declares; a dict takes names that nobody can list."""
    if route.query is None or get_origin(route.query) is dict:
        return []
    names = [field.encode_name for field in msgspec.structs.fields(route.query)]
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]


def version_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the header by which the newest version is asked for."""
    versions = route.service.versions
    if versions is None:
        return []
    newest = f"{versions.service} {text(versions.maximum)}"
    schema = {"type": "string", "enum": [newest]}
    return [{"name": "OpenStack-API-Version", "in": "header", "required": True, "schema": schema}]


def action_schema(action: str, schema: Any) -> dict[str, Any]:
    """Return the body of an action: one key, and its value below it."""
    value = schema if schema is not None else {}
    return {"type": "object", "required": [action], "properties": {action: value}, "additionalProperties": False}


def json_body(schema: Any) -> dict[str, Any]:
    """Return a body of JSON."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}
