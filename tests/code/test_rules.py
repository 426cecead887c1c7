"""The rules, applied to the whole project."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.code import budgets, determinism, papers
from tests.code.source import ROOT, Fault, Source, exemptions, judge, project_files, python_files

Rule = Callable[[Source], Iterator[Fault]]
# Each rule with the names of the faults that it finds.
OF_ONE_FILE: dict[Rule, set[str]] = {
    budgets.file_size: {"file-size"},
    budgets.file_name: {"file-name"},
    budgets.function_length: {"function-length"},
    budgets.parameters: {"parameters"},
    budgets.protocol_size: {"protocol-size"},
    budgets.suppression: {"suppression"},
    determinism.determinism: {"world"},
    papers.handler_docstring: {"handler-docstring"},
    papers.module_docstring: {"module-docstring"},
    papers.unfinished: {"unfinished"},
}
OF_ALL_FILES = {
    budgets.inheritance: {"inheritance", "mixin"},
    budgets.core_size: {"core-size"},
}
OF_PAPERS = {"machine-path", "registry-host", "dependency-reason"}


def settle(faults: list[Fault], rules: set[str]) -> None:
    wrong = judge(faults, exemptions(), rules)
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("rule", OF_ONE_FILE, ids=lambda rule: rule.__name__)
def test_every_file_keeps(rule: Rule):
    settle([fault for source in python_files() for fault in rule(source)], OF_ONE_FILE[rule])


@pytest.mark.parametrize("rule", OF_ALL_FILES, ids=lambda rule: rule.__name__)
def test_the_whole_keeps(rule: Callable[[tuple[Source, ...]], Iterator[Fault]]):
    settle(list(rule(python_files())), OF_ALL_FILES[rule])


def test_no_file_names_this_machine_or_a_registry():
    faults = []
    for path in project_files():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            faults += papers.foreign_names(path, data.decode(errors="replace"))
    settle(faults, {"machine-path", "registry-host"})


def test_every_dependency_has_its_reason():
    settle(list(papers.dependency_reasons((ROOT / "pyproject.toml").read_text())), {"dependency-reason"})


def test_every_exception_is_from_a_rule_that_exists_and_says_why():
    known = OF_PAPERS.union(*OF_ONE_FILE.values(), *OF_ALL_FILES.values())
    for entry in exemptions():
        assert entry.rule in known, f"there is no rule {entry.rule}"
        assert len(entry.reason.split()) > 3, f"{entry.place}: say why {entry.rule} may be broken here"
