"""docs/policy.md: every rule, who has it by default, and which calls ask for it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from welkin.core.policy import PUBLIC, Rule
from welkin.core.routing import Route
from welkin.docs import offers, tables


def render() -> str:
    """Return the page for what the rooms offer."""
    return page(offers.rules(), offers.routes())


def page(rules: Iterable[Rule], routes: Iterable[Route]) -> str:
    """Return the page for these rules; a rule's calls stand beside it."""
    calls: dict[str, list[str]] = {}
    for route in routes:
        calls.setdefault(route.rule.name, []).append(_call(route))
    groups = groupby((rule for rule in rules if rule is not PUBLIC), key=_group)
    return tables.page(
        "Policy",
        'The default check of every rule. A policy file (TOML, `"rule" = "check"`) overrides them, in oslo.policy\'s\n'
        "language: `role:NAME`, `NAME:%(target)s`, `rule:NAME`, `and`, `or`, `not`, `@` (everybody), `!` (nobody).\n"
        "A rule without calls beside it is asked for inside handlers.",
        *(_section(name, list(members), calls) for name, members in groups),
        _public(calls.get(PUBLIC.name, [])),
    )


def _section(name: str, rules: list[Rule], calls: dict[str, list[str]]) -> str:
    rows = [
        (tables.code(rule.name), tables.code(rule.check), rule.summary, "<br>".join(calls.get(rule.name, [])))
        for rule in rules
    ]
    return f"## {name}\n\n" + tables.table(("Rule", "Default check", "What it allows", "Calls"), rows)


def _public(calls: list[str]) -> str:
    if not calls:
        return ""
    return "## Without a token\n\nNothing is asked of the caller.\n\n" + "\n".join(f"- {call}" for call in calls)


def _group(rule: Rule) -> str:
    """Return the service part of a rule's name: `identity` of `identity:list_users`."""
    return rule.name.split(":")[0].split(".")[0]


def _call(route: Route) -> str:
    action = f" ({route.action})" if route.action else ""
    return tables.code(f"{route.method} {route.service.prefix}{route.path}{action}")
