"""The generated pages are up to date, and they say what is true."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.code.source import ROOT
from welkin.core import operations
from welkin.core.http import Call, Routes, Service, plain_envelope
from welkin.core.policy import PUBLIC, Rule
from welkin.docs import compatibility, configuration, offers, policy, tables
from welkin.docs.pages import render_all

DOCS = ROOT / "docs"
SHOW = Rule("compute:show", "role:reader", "Show a server.")


def some_routes() -> Routes:
    routes = Routes(Service(type="compute", prefix="/compute", envelope=plain_envelope))

    @routes.get("/v2.1/servers/{id}", rule=SHOW)
    async def show_server(call: Call, id: str) -> None: ...

    @routes.action("/v2.1/servers/{id}/action", "os-start", rule=SHOW)
    async def start_server(call: Call, id: str) -> None: ...

    @routes.get("/v2.1/os-services/{name}", rule=PUBLIC)
    async def show_service(call: Call, name: str) -> None: ...

    return routes


def states(text: str) -> dict[str, str]:
    """The operations of a compatibility page with their states."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[-1] for row in rows if len(row) == 3}


@pytest.mark.parametrize("name", ["compatibility.md", "policy.md", "configuration.md", "map.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    file = DOCS / name
    assert file.exists(), f"docs/{name} is missing; run `make docs`"
    assert file.read_text() == render_all(DOCS)[name], f"docs/{name} is out of date; run `make docs`"


def test_a_route_counts_as_done_by_its_shape_not_by_its_arguments_names() -> None:
    found = states(compatibility.page(some_routes().routes, compatibility.Notes()))
    assert found["GET /v2.1/servers/{server_id}"] == "done"
    assert found["GET /v2.1/servers/detail"] == "501"
    assert found["DELETE /v2.1/servers/{server_id}"] == "501"


def test_each_action_counts_for_itself() -> None:
    found = states(compatibility.page(some_routes().routes, compatibility.Notes()))
    assert found["POST /v2.1/servers/{server_id}/action (os-start)"] == "done"
    assert found["POST /v2.1/servers/{server_id}/action (os-stop)"] == "501"


def test_a_note_counts_only_while_its_route_is_there() -> None:
    covered = compatibility.Covered("compute", ("GET /v2.1/servers/detail",), by="GET /v2.1/servers/{id}")
    absent = compatibility.Covered("compute", ("GET /v2.1/flavors",), by="GET /v2.1/{anything}")
    found = states(compatibility.page(some_routes().routes, compatibility.Notes(covered=(covered, absent))))
    assert found["GET /v2.1/servers/detail"] == "done"
    assert found["GET /v2.1/flavors"] == "501"


def test_a_route_that_the_reference_lacks_is_named_beside_the_table() -> None:
    text = compatibility.page(some_routes().routes, compatibility.Notes())
    assert "Served beyond the reference: `GET /v2.1/os-services/{name}`." in text


def test_what_upstream_removed_does_not_count() -> None:
    text = compatibility.page([], compatibility.Notes())
    assert "GET /v2.1/os-fping" not in states(text)
    assert "`GET /v2.1/os-fping`" in text


@pytest.mark.parametrize("service", ["identity", "image", "placement", "network", "compute"])
def test_every_operation_of_the_reference_is_found_again(service: str) -> None:
    for operation in operations.all_operations()[service]:
        path = operation.path.replace("{", "").replace("}", "")
        assert operations.find(service, operation.method, path, operation.action) is not None, operation


@pytest.mark.parametrize(
    ("service", "method", "path", "action", "known"),
    [
        ("compute", "GET", "/v2.1/servers/1234", None, True),
        ("compute", "GET", "/v2.1/servers/1234/", None, True),
        ("compute", "POST", "/v2.1/servers/1234/action", "os-start", True),
        ("compute", "POST", "/v2.1/servers/1234/action", "os-fly", False),
        ("compute", "GET", "/v2.1/os-fping", None, False),
        ("compute", "BREW", "/v2.1/servers", None, False),
        ("identity", "HEAD", "/v3/auth/tokens", None, True),
        ("identity", "GET", "/v3/nothing", None, False),
        ("network", "GET", "/", None, True),
        ("weather", "GET", "/", None, False),
    ],
)
def test_what_upstream_has_is_told_from_a_wrong_path(
    service: str, method: str, path: str, action: str | None, known: bool
) -> None:
    found = operations.find(service, method, path, action)
    assert (found is not None and not found.gone) is known


def test_the_policy_page_names_a_rule_with_its_check_and_its_calls() -> None:
    text = policy.page([SHOW], some_routes().routes)
    assert "| `compute:show` | `role:reader` | Show a server. | `GET /compute/v2.1/servers/{id}`<br>" in text
    assert "- `GET /compute/v2.1/os-services/{name}`" in text.split("## Without a token")[1]


def test_every_rule_of_a_route_is_listed_and_says_what_it_is_for() -> None:
    rules = {rule.name: rule for rule in offers.rules()}
    assert {route.rule.name for route in offers.routes()} <= set(rules)
    assert [rule.name for rule in rules.values() if not rule.summary.endswith(".")] == []


def test_every_option_says_what_it_is_for() -> None:
    config = configuration.Config()
    for group in config.groups():
        texts = configuration.docstrings(type(group))
        assert set(group.__struct_fields__) == set(texts), type(group).__name__


def test_a_bar_in_a_cell_does_not_end_the_cell() -> None:
    assert tables.table(("A", "#B"), [("x | y", "1")]).splitlines() == [
        "| A | B |",
        "| --- | ---: |",
        "| x \\| y | 1 |",
    ]


def test_the_extractor_reads_operations_actions_and_what_is_gone(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("extract", DOCS / "upstream" / "extract.py")
    assert spec is not None
    assert spec.loader is not None
    extract = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extract)
    source = tmp_path / "api-ref" / "source"
    source.mkdir(parents=True)
    (source / "index.rst").write_text(".. include:: new.inc\n\nObsolete APIs\n=============\n\n.. include:: old.inc\n")
    (source / "new.inc").write_text(
        "======\nThings\n======\n\n"
        "List things\n===========\n\n.. rest_method::  GET /things?all=1\n\n"
        "Start (run Action)\n==================\n\n.. rest_method::\n  POST /things/{thing_id}/action\n\n"
        "Stop\n====\n\n.. rest_method:: POST /things/{thing_id}/action\n\n"
        "  - thing_id: thing_id\n  - halt: halt\n\nResponse\n\n  - note: note\n\n"
        "List things again\n=================\n\n.. rest_method:: GET /things/\n"
    )
    (source / "old.inc").write_text("Drop\n====\n\n.. rest_method:: DELETE /v9/things/{id}\n")
    assert extract.extract(tmp_path, extract.Reference(("index.rst",), prefix="/v9")) == [
        {"method": "GET", "path": "/v9/things", "name": "List things"},
        {"method": "POST", "path": "/v9/things/{thing_id}/action", "name": "Start", "action": "run"},
        {"method": "POST", "path": "/v9/things/{thing_id}/action", "name": "Stop", "action": "halt"},
        {"method": "DELETE", "path": "/v9/things/{id}", "name": "Drop", "gone": True},
    ]
