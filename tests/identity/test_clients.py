"""The real clients against a real port, and the whole of a token's life on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openstack
import pytest
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from tests.identity.conftest import PASSWORD, Movable, Site
from tests.postgres import postgres_url
from welkin.app import Config, open_cloud
from welkin.core.config import CloudOptions, HttpOptions
from welkin.core.server import Server, bind
from welkin.core.world import World
from welkin.services.identity import public


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """Serve a cloud on a free port, and yield the URL of identity."""
    listener = bind("127.0.0.1", 0)
    config = Config(cloud=CloudOptions(state_dir=folder, policy_file=folder / "policy"), http=HttpOptions(port=0))
    async with open_cloud(config, World()) as cloud:
        await public.ensure_cloud(cloud, {"admin": PASSWORD, "demo": PASSWORD})
        server = Server(cloud.app, config.http)
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/identity"
        finally:
            server.stop()
            await task
            listener.close()


def use_the_sdk(url: str) -> None:
    """Do with openstacksdk what administrators do; it blocks, so it runs in a thread."""
    auth = v3.Password(
        url,
        username="admin",
        password=PASSWORD,
        user_domain_id="default",
        project_name="admin",
        project_domain_name="Default",
    )
    connection = openstack.connection.Connection(session=session.Session(auth=auth), identity_api_version="3")
    identity = connection.identity
    assert {each.name for each in identity.projects()} == {"admin", "demo", "service"}
    domain = identity.create_domain(name="lab")
    project = identity.create_project(name="p", domain_id=domain.id, tags=["x"])
    user = identity.create_user(name="u", password="secret", domain_id=domain.id)
    role = identity.find_role("member")
    identity.assign_project_role_to_user(project, user, role)
    found = list(identity.role_assignments(user_id=user.id, effective=True, include_names=True))
    assert {each.role["name"] for each in found} == {"member", "reader"}
    assert identity.validate_user_has_project_role(project, user, role)
    theirs = v3.Password(url, user_id=user.id, password="secret", project_id=project.id)
    own = openstack.connection.Connection(session=session.Session(auth=theirs), identity_api_version="3")
    made = own.identity.create_application_credential(user=user.id, name="robot", roles=[{"name": "reader"}])
    robot = v3.ApplicationCredential(url, application_credential_id=made.id, application_credential_secret=made.secret)
    assert robot.get_access(session.Session()).role_names == ["reader"]
    access = theirs.get_access(session.Session())
    assert access.service_catalog.url_for(service_type="identity") == url
    assert identity.find_service("keystone").type == "identity"
    assert {each.interface for each in identity.endpoints()} == {"public", "internal", "admin"}
    group = identity.create_group(name="g", domain_id=domain.id)
    identity.add_user_to_group(user, group)
    assert [each.id for each in identity.group_users(group)] == [user.id]
    with pytest.raises(openstack.exceptions.ForbiddenException):
        list(own.identity.users())
    with pytest.raises(exceptions.Unauthorized):
        v3.Password(url, user_id=user.id, password="wrong").get_access(session.Session())
    identity.delete_user(user)
    identity.update_domain(domain, is_enabled=False)
    identity.delete_domain(domain)
    assert identity.find_project("p", ignore_missing=True) is None
    for each in (connection, own):
        each.close()
        each.session.session.close()


@pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning")  # the SDK warns of its own ways
async def test_the_sdk_on_a_real_port(tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        await asyncio.to_thread(use_the_sdk, url)


@pytest.mark.postgres
async def test_it_all_works_on_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.identity import test_catalog, test_credentials, test_projects, test_roles, test_tokens, test_users

    stories: list[Any] = [
        test_projects.test_projects_nest,
        test_projects.test_tags,
        test_projects.test_a_domain_lives_and_dies_with_all_in_it,
        test_users.test_lists_of_users,
        test_users.test_groups_and_their_members,
        test_roles.test_assignments_as_they_take_effect,
        test_roles.test_inherited_roles_reach_what_is_below,
        test_roles.test_roles_imply_roles,
        test_credentials.test_credentials,
        test_credentials.test_application_credentials,
        test_credentials.test_trusts,
        test_catalog.test_limits,
        test_catalog.test_services_and_endpoints_and_the_catalog,
        test_tokens.test_who_may_validate_and_revoke,
        test_tokens.test_a_token_ends_with_what_it_stands_on,
    ]
    for index, story in enumerate(stories):
        folder, world = tmp_path / str(index), Movable()
        options = CloudOptions(state_dir=folder, database=postgres_url(), policy_file=folder / "policy")
        async with open_cloud(Config(cloud=options), world) as cloud:
            await public.ensure_cloud(cloud, {"admin": PASSWORD, "demo": PASSWORD})
            transport = httpx.ASGITransport(cloud.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://cloud:5000") as http:
                await story(Site(cloud, world, http))
