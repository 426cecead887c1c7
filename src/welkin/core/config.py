"""Configuration: one TOML file, typed, every option documented where it is declared, environment over file.

A group of options is a Struct whose fields have a default and a docstring below them.
`[compute]\ncpu_ratio = 8` in the file and `WELKIN_COMPUTE__CPU_RATIO=8` in the environment say the same.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from welkin.core.errors import Invalid

ENVIRONMENT_PREFIX = "WELKIN_"

ConfigT = TypeVar("ConfigT", bound=msgspec.Struct)


class CloudOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What concerns the whole cloud."""

    state_dir: Path = Path("/var/lib/welkin")
    """Where everything is kept: database, keys, images, disks, sockets."""
    database: str = ""
    """A PostgreSQL URL; empty keeps everything in an SQLite file below `state_dir`."""
    region: str = "RegionOne"
    """The region that the catalog names."""
    host: str = ""
    """This machine's name in the cloud; empty takes the machine's host name."""
    prefix: str = "wk"
    """What the names of namespaces and bridges of this cloud start with, at most four characters."""
    driver: str = "qemu"
    """What servers are made of: `qemu` for virtual machines, `memory` for none at all, as tests want."""
    log_level: str = "info"
    """The least important messages to log: debug, info, warning or error."""
    unified_limits: bool = False
    """Whether identity's limits rule instead of the quotas of compute and image; networks keep theirs."""
    policy_file: Path = Path("/etc/welkin/policy.toml")
    """Overrides of policy rules, `"name" = "check"`; it need not exist."""


class HttpOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the APIs are served."""

    address: str = "127.0.0.1"
    """The address to listen on; `0.0.0.0` serves every network of the machine."""
    port: int = 8774
    """The common port: each service has a path of its own below it, such as `/compute`."""
    classic_ports: bool = False
    """Whether each service is served on its customary port too, such as 5000 for identity."""
    certificate: str = ""
    """A file with a TLS certificate chain; empty serves plain HTTP."""
    certificate_key: str = ""
    """The file with the certificate's key."""
    trust_forwarded: bool = False
    """Whether X-Forwarded-Proto is believed, because a proxy of ours sets it."""


def load(shape: type[ConfigT], path: Path | None, environment: Mapping[str, str]) -> ConfigT:
    """Read the configuration.  Raises Invalid with the name of the option that is wrong."""
    found: dict[str, Any] = {}
    if path is not None and path.exists():
        try:
            found = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise Invalid(f"{path}: {error}") from error
    for name, text in environment.items():
        group, separator, option = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and separator:
            found.setdefault(group, {})[option] = text.split(",") if is_list(shape, group, option) else text
    try:
        return msgspec.convert(found, shape, strict=False, dec_hook=to_path)
    except msgspec.ValidationError as error:
        raise Invalid(f"Configuration {path or ''}: {error}") from error


def is_list(shape: type[msgspec.Struct], group: str, option: str) -> bool:
    """Return whether an option takes several values; in the environment commas stand between them."""
    inner = next((field.type for field in msgspec.structs.fields(shape) if field.name == group), None)
    if inner is None:
        return False
    kind = next((field.type for field in msgspec.structs.fields(inner) if field.name == option), None)
    return typing.get_origin(kind) in (list, tuple, set, frozenset)


def to_path(kind: type, value: object) -> object:
    """Convert the one type of an option that JSON does not have."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"An option cannot be a {kind.__name__}.")
