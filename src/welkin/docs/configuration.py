"""docs/configuration.md: every option with its default and what it does, as its declaration says."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import msgspec

from welkin.app import Config
from welkin.core.config import ENVIRONMENT_PREFIX
from welkin.docs import tables


def render() -> str:
    """Return the page."""
    config = Config()
    names = config.__struct_fields__
    return tables.page(
        "Configuration",
        'No option is needed. They are read from one TOML file, in groups: `[cloud]`, then `region = "RegionOne"`.\n'
        f"The environment comes first: `{ENVIRONMENT_PREFIX}CLOUD__REGION=RegionOne` says the same.",
        *(_group(name, getattr(config, name)) for name in names),
    )


def _group(name: str, options: msgspec.Struct) -> str:
    texts = docstrings(type(options))
    rows = [
        (tables.code(field), _default(getattr(options, field)), texts.get(field, ""))
        for field in options.__struct_fields__
    ]
    summary = tables.first_line(type(options).__doc__)
    return f"## [{name}]\n\n{summary}\n\n" + tables.table(("Option", "Default", "What it does"), rows)


def docstrings(shape: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring that stands below each field of a Struct."""
    body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    found = {}
    for field, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            found[field.target.id] = tables.first_line(following.value.value)
    return found


def _default(value: object) -> str:
    """Return a default as it would stand in the file."""
    if isinstance(value, Path):
        value = str(value)
    if value is None:
        return "none"
    return tables.code(msgspec.json.encode(value).decode())
