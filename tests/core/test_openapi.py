"""The OpenAPI document, made of every room's routes."""

from __future__ import annotations

from welkin.app import all_routes
from welkin.core import openapi


def test_every_path_is_described() -> None:
    """Whatever shape its query has: a Struct, or a dict whose names nobody can list."""
    routes = [route for room in all_routes() for route in room.routes]
    paths = openapi.document(routes, "Welkin", "1")["paths"]
    assert {route.service.prefix + route.path for route in routes if openapi.newest(route)} == set(paths)
