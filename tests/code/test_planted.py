"""The rules themselves: each finds the small violation planted for it, and leaves what is right alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.code import budgets, determinism, papers
from tests.code.source import Exemption, Fault, Source, judge

ROOM = "src/welkin/services/image/api.py"
ROUTE = '@routes.get("/v2/images", rule=policy.LIST)\nasync def list_images(call: Call) -> dict:\n    {body}\n'


def protocol(methods: int) -> str:
    body = "".join(f"    def m{number}(self) -> None: ...\n" for number in range(methods))
    return f"from typing import Protocol\nclass Driver(Protocol):\n{body}"


BROKEN = [
    (budgets.file_size, "file-size", "x = 1\n" * 801),
    (budgets.function_length, "function-length", "def f():\n" + "    x = 1\n" * 60),
    (budgets.function_length, "function-length", "class A:\n  async def f(self):\n" + "    x = 1\n" * 60),
    (budgets.parameters, "parameters", "def f(a, b, c, d, e, f, g): ...\n"),
    (budgets.parameters, "parameters", "def f(a, b, c, *, d, e, f, **g): ...\n"),
    (budgets.protocol_size, "protocol-size", protocol(13)),
    (budgets.suppression, "suppression", "def f(): ...  # noqa: C901\n"),
    (budgets.suppression, "suppression", "def f(): ...  # noqa\n"),
    (determinism.determinism, "world", "import time\n"),
    (determinism.determinism, "world", "from random import choice\n"),
    (determinism.determinism, "world", "def f():\n    import secrets\n"),
    (determinism.determinism, "world", "import asyncio as aio\nasync def f():\n    await aio.sleep(1)\n"),
    (determinism.determinism, "world", "from asyncio import sleep as nap\n"),
    (determinism.determinism, "world", "from datetime import datetime, UTC\nx = datetime.now(UTC)\n"),
    (determinism.determinism, "world", "import datetime as d\nx = d.date.today()\n"),
    (determinism.determinism, "world", "import uuid\nx = uuid.uuid4()\n"),
    (determinism.determinism, "world", "import os\nx = os.urandom(8)\n"),
    (determinism.determinism, "world", "x = asyncio.get_running_loop().time()\n"),
    (papers.handler_docstring, "handler-docstring", ROUTE.format(body="return {}")),
    (papers.module_docstring, "module-docstring", "x = 1\n"),
    (papers.unfinished, "unfinished", "def f():\n    raise NotImplementedError\n"),
]
RIGHT = [
    (budgets.file_size, "x = 1\n" * 800),
    (budgets.function_length, "def f():\n" + "    x = 1\n" * 59),
    (budgets.parameters, "class A:\n    def f(self, a, b, c, d, e, *, f): ...\n"),
    (budgets.protocol_size, protocol(12)),
    (budgets.suppression, "x = 1  # noqa: E501\n"),
    (determinism.determinism, "from uuid import UUID\nfrom datetime import datetime\nx = datetime.fromtimestamp(0)\n"),
    (determinism.determinism, "from welkin.core.world import World\nasync def f(world):\n    await world.sleep(1)\n"),
    (papers.handler_docstring, ROUTE.format(body='"""List the images."""')),
    (papers.handler_docstring, "@cache.get('x')\ndef f(): ...\n"),
    (papers.module_docstring, '"""What it is for."""\n'),
]


@pytest.mark.parametrize(("rule", "name", "text"), BROKEN)
def test_a_planted_fault_is_found(rule, name: str, text: str):
    assert {fault.rule for fault in rule(Source.of(ROOM, text))} == {name}


@pytest.mark.parametrize(("rule", "text"), RIGHT)
def test_what_is_right_is_left_alone(rule, text: str):
    assert not list(rule(Source.of(ROOM, text)))


@pytest.mark.parametrize("path", ["src/welkin/core/utils.py", "tests/helpers/x.py"])
def test_a_name_that_says_nothing_is_found(path: str):
    assert list(budgets.file_name(Source.of(path, "")))


def test_the_world_itself_may_look_at_the_clock():
    assert not list(determinism.determinism(Source.of(determinism.WORLD, "import time\n")))


def test_a_long_line_of_ancestors_is_found_across_files():
    errors = Source.of("src/welkin/core/errors.py", "class A(Exception): ...\nclass B(A): ...\nclass C(B): ...\n")
    room = Source.of(ROOM, "from welkin.core.errors import C\nclass D(C): ...\n")
    assert not list(budgets.inheritance([errors]))
    assert [fault.place for fault in budgets.inheritance([errors, room])] == [f"{ROOM}::D"]


def test_mixins_and_two_parents_are_found():
    text = "class A: ...\nclass B: ...\nclass TagMixin: ...\nclass C(A, B): ...\n"
    assert [fault.place for fault in budgets.inheritance([Source.of(ROOM, text)])] == [
        f"{ROOM}::TagMixin",
        f"{ROOM}::C",
    ]


def test_a_core_that_grows_is_found():
    assert not list(budgets.core_size([Source.of("src/welkin/core/a.py", "\n" * 5_000)]))
    assert list(budgets.core_size([Source.of("src/welkin/core/a.py", "\n" * 5_001)]))


def test_names_of_this_machine_and_of_registries_are_found():
    root = Path("/data/checkouts/welkin")
    text = "see /data/checkouts/notes.md\nfiles.pythonhosted" + ".org\n/srv/data/checkouts is another\n"
    found = list(papers.foreign_names("README.md", text, root))
    assert [(fault.rule, fault.text.split()[1]) for fault in found] == [("machine-path", "1"), ("registry-host", "2")]
    assert not list(papers.foreign_names("README.md", "clone it to /root/welkin\n", Path("/root/welkin")))


def test_a_dependency_without_its_reason_is_found():
    text = '[project]\ndependencies = [\n    "rich>=1",  # tables in the terminal\n    "typer>=1",\n]\n'
    assert [fault.text.split()[0] for fault in papers.dependency_reasons(text)] == ["typer>=1"]


def test_the_list_of_exceptions_only_shrinks():
    fault = Fault("file-size", ROOM, "900 lines")
    exempt = Exemption("file-size", ROOM, "a table that is read as one")
    assert judge([fault], [], {"file-size"}) == [str(fault)]
    assert judge([fault], [exempt], {"file-size"}) == []
    assert "no longer needed" in judge([], [exempt], {"file-size"})[0]
    assert judge([], [exempt], {"parameters"}) == []
