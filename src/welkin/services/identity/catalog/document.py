"""The catalog as a token shows it: every service, at the host that the client used."""

from __future__ import annotations

import re
from collections.abc import Mapping

from welkin.core.db import Database, columns
from welkin.services.identity import changes
from welkin.services.identity.catalog.rows import EndpointRow, ServiceRow

PLACE = re.compile(r"[$%]\((\w+)\)s")
"""A place in an endpoint's url: `$(project_id)s`."""


class Catalog:
    """The services and endpoints that are enabled, kept until identity's epoch changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._epoch = 0
        self._services: list[tuple[ServiceRow, list[EndpointRow]]] = []

    async def document(self, origin: str, user_id: str, project_id: str | None) -> list[dict[str, object]]:
        """Return the catalog for a user on a project.

        origin  the scheme, host and port that the client used; this cloud's own endpoints are given there.
        """
        await self._refresh()
        facts = {"user_id": user_id}
        if project_id is not None:
            facts |= {"project_id": project_id, "tenant_id": project_id}
        return [
            {
                "id": service.id,
                "type": service.type,
                "name": service.name or "",
                "endpoints": [
                    {
                        "id": endpoint.id,
                        "interface": endpoint.interface,
                        "region_id": endpoint.region_id,
                        "region": endpoint.region_id,
                        "url": url,
                    }
                    for endpoint in endpoints
                    if (url := fill(absolute(origin, endpoint.url), facts)) is not None
                ],
            }
            for service, endpoints in self._services
        ]

    async def _refresh(self) -> None:
        epoch = await changes.epoch(self._database)
        if epoch == self._epoch:
            return
        services = await self._database.all(
            ServiceRow, f"SELECT {columns(ServiceRow)} FROM identity_services WHERE enabled ORDER BY type, id"
        )
        by_service: dict[str, list[EndpointRow]] = {service.id: [] for service in services}
        sql = f"SELECT {columns(EndpointRow)} FROM identity_endpoints WHERE enabled ORDER BY interface, id"
        for endpoint in await self._database.all(EndpointRow, sql):
            if endpoint.service_id in by_service:
                by_service[endpoint.service_id].append(endpoint)
        self._services = [(service, by_service[service.id]) for service in services]
        self._epoch = epoch


def absolute(origin: str, url: str) -> str:
    """Return where an endpoint is for a client who reached us at `origin`."""
    return origin + url if url.startswith("/") else url


def fill(url: str, facts: Mapping[str, str]) -> str | None:
    """Return `url` with its places filled, or None when there is nothing to fill one with."""
    if "(" not in url:
        return url
    if any(name not in facts for name in PLACE.findall(url)):
        return None
    return PLACE.sub(lambda place: facts[place[1]], url)
