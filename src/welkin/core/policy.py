"""Who may do what.  A rule is data: it can be listed, documented, overridden and tested.

Check strings are oslo.policy's language: `role:reader and project_id:%(project_id)s`,
`rule:other`, `not`, parentheses, `@` (everybody), `!` (nobody).  They are compiled once
into closures over the caller and the target.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from welkin.core.errors import Forbidden, Invalid

Target = Mapping[str, object]


class AccessRule(msgspec.Struct, frozen=True):
    """One kind of request that a restricted token may make.

    In the path `*` and `{name}` stand for one segment and `**` for any number of them.
    """

    service: str
    method: str
    path: str


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of a request, as the token says.  Roles include the implied ones, in lower case."""

    user_id: str = ""
    user_name: str = ""
    user_domain_id: str = ""
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    """The domain that the token is scoped to."""
    system: bool = False
    """Whether the token is scoped to the whole cloud."""
    roles: frozenset[str] = frozenset()
    token: str = ""
    is_admin: bool = False
    """Whether the caller may see what belongs to every project."""
    access_rules: tuple[AccessRule, ...] | None = None
    """The only requests that the token may be used for; None for all that the roles allow."""


Check = Callable[[Actor, Target], bool]


class Rule(msgspec.Struct, frozen=True):
    """One thing that can be allowed: its name in policy files, its default check and what it is for."""

    name: str
    check: str
    summary: str


EVERYBODY = "@"
NOBODY = "!"
ADMIN = "role:admin"
PROJECT_READER = "(role:reader and project_id:%(project_id)s) or role:admin"
PROJECT_MEMBER = "(role:member and project_id:%(project_id)s) or role:admin"
PROJECT_MANAGER = "(role:manager and project_id:%(project_id)s) or role:admin"

PUBLIC = Rule("public", EVERYBODY, "Answered without a token.")


class PolicyDenied(Forbidden):
    """The rule that says no, by its name."""

    code = "policy.denied"

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"Policy doesn't allow {rule.name} to be performed.")
        self.rule = rule


class Policy:
    """The compiled rules, with an operator's overrides over the defaults."""

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._compiled: dict[str, Check] = {}

    @classmethod
    def load(cls, path: Path | None) -> Policy:
        """Read overrides from a TOML file of `"rule" = "check"`; without a file there are none."""
        if path is None or not path.exists():
            return cls()
        return cls({str(name): str(check) for name, check in tomllib.loads(path.read_text()).items()})

    def allows(self, rule: Rule, actor: Actor, target: Target) -> bool:
        """Return whether `actor` may do what `rule` names to `target`."""
        check = self._compiled.get(rule.name)
        if check is None:
            check = self._compiled[rule.name] = compile_check(self.check_string(rule), self._overrides)
        return check(actor, target)

    def enforce(self, rule: Rule, actor: Actor, target: Target) -> None:
        """Raise PolicyDenied unless the rule allows it."""
        if not self.allows(rule, actor, target):
            raise PolicyDenied(rule)

    def check_string(self, rule: Rule) -> str:
        """Return the check in force for `rule`."""
        return self._overrides.get(rule.name, rule.check)


WORD = re.compile(r"\s*(\(|\)|(?:'[^']*'|%\([^)]*\)s|[^\s()])+)")
"""A parenthesis, or a run of text in which `%(name)s` and quoted parts hang together."""


def compile_check(text: str, rules: Mapping[str, str] | None = None) -> Check:
    """Compile a check string.  Raises Invalid when it cannot be read."""
    words = [word for word in WORD.findall(text) if word]
    check, rest = _either(words, rules or {})
    if rest:
        raise Invalid(f"The policy check {text!r} cannot be read at {rest[0]!r}.")
    return check


def _either(words: list[str], rules: Mapping[str, str]) -> tuple[Check, list[str]]:
    first, rest = _both(words, rules)
    parts = [first]
    while rest and rest[0].lower() == "or":
        part, rest = _both(rest[1:], rules)
        parts.append(part)
    return (first if len(parts) == 1 else _any(parts)), rest


def _both(words: list[str], rules: Mapping[str, str]) -> tuple[Check, list[str]]:
    first, rest = _single(words, rules)
    parts = [first]
    while rest and rest[0].lower() == "and":
        part, rest = _single(rest[1:], rules)
        parts.append(part)
    return (first if len(parts) == 1 else _all(parts)), rest


def _single(words: list[str], rules: Mapping[str, str]) -> tuple[Check, list[str]]:
    if not words:
        return (lambda _actor, _target: True), []  # an empty check allows, as upstream reads it
    word, rest = words[0], words[1:]
    if word.lower() == "not":
        inner, rest = _single(rest, rules)
        return (lambda actor, target: not inner(actor, target)), rest
    if word == "(":
        inner, rest = _either(rest, rules)
        if not rest or rest[0] != ")":
            raise Invalid("A parenthesis is not closed in a policy check.")
        return inner, rest[1:]
    return _leaf(word, rules), rest


def _leaf(word: str, rules: Mapping[str, str]) -> Check:
    if word == "@":
        return lambda _actor, _target: True
    if word == "!":
        return lambda _actor, _target: False
    kind, separator, match = word.partition(":")
    if not separator:
        raise Invalid(f"{word!r} is not a policy check; write kind:match, such as role:member.")
    if kind == "role":
        role = match.lower()
        return lambda actor, _target: role in actor.roles
    if kind == "rule":
        if match not in rules:
            raise Invalid(f"The policy rule {match!r} is not defined.")
        return compile_check(rules[match], rules)
    return _comparison(kind, match)


def _comparison(kind: str, match: str) -> Check:
    target_key = match[2:-2] if match.startswith("%(") and match.endswith(")s") else None
    literal = kind[1:-1] if kind.startswith("'") and kind.endswith("'") else None
    if kind == "None" and target_key is not None:
        return lambda _actor, target: target_key in target and target[target_key] is None
    if match == "None":
        return lambda actor, _target: _credential(actor, kind) is None

    def compare(actor: Actor, target: Target) -> bool:
        found = literal if literal is not None else _credential(actor, kind)
        wanted = target.get(target_key) if target_key is not None else match
        return found is not None and wanted is not None and str(found).lower() == str(wanted).lower()

    return compare


CREDENTIALS = {
    "tenant": "project_id",
    "tenant_id": "project_id",
    "token.domain.id": "domain_id",
    "token.project.id": "project_id",
    "token.project.domain.id": "project_domain_id",
    "token.user.id": "user_id",
    "token.user.domain.id": "user_domain_id",
}
"""What policy files call the facts about a caller, where it is not the Actor's own word."""


def _credential(actor: Actor, name: str) -> object:
    if name == "system_scope":
        return "all" if actor.system else None
    return getattr(actor, CREDENTIALS.get(name, name), None)


def _any(parts: Iterable[Check]) -> Check:
    checks = tuple(parts)
    return lambda actor, target: any(check(actor, target) for check in checks)


def _all(parts: Iterable[Check]) -> Check:
    checks = tuple(parts)
    return lambda actor, target: all(check(actor, target) for check in checks)


def within(rules: Iterable[AccessRule], service: str, method: str, path: str) -> bool:
    """Return whether a restricted token may make this request; `path` is below the service's prefix."""
    return any(
        rule.service == service and rule.method == method and _path_pattern(rule.path).fullmatch(path) for rule in rules
    )


@functools.lru_cache(maxsize=1024)
def _path_pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\{[^/}]*\})", path)
    pattern = "".join(
        ".*" if part == "**" else "[^/]+" if part == "*" or part[:1] == "{" else re.escape(part) for part in parts
    )
    return re.compile(pattern)
