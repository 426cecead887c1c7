"""The two entries in `~/.config/openstack/clouds.yaml`; everything else in the file is kept, comments included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

MEMBER, ADMIN = "welkin", "welkin-admin"


def path() -> Path:
    """Return the file that every OpenStack client reads."""
    return Path.home() / ".config" / "openstack" / "clouds.yaml"


def write(url: str, region: str, passwords: Mapping[str, str]) -> Path:
    """Put our entries in; the file is readable only by its owner."""
    entries = {
        MEMBER: _entry(url, region, "demo", passwords["demo"]),
        ADMIN: _entry(url, region, "admin", passwords["admin"]),
    }
    yaml, document = _read()
    clouds = document.setdefault("clouds", {})
    if all(clouds.get(name) == entry for name, entry in entries.items()):
        return path()
    clouds.update(entries)
    _save(yaml, document)
    return path()


def remove() -> None:
    """Take our entries out; a file with nothing else goes too."""
    if not path().exists():
        return
    yaml, document = _read()
    clouds = document.get("clouds") or {}
    for name in (MEMBER, ADMIN):
        clouds.pop(name, None)
    if clouds or len(document) > 1:
        _save(yaml, document)
    else:
        path().unlink()


def _entry(url: str, region: str, user: str, password: str) -> dict[str, Any]:
    return {
        "region_name": region,
        "identity_api_version": 3,
        "auth": {
            "auth_url": f"{url}/identity/v3",
            "username": user,
            "password": password,
            "project_name": user,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
    }


def _read() -> tuple[YAML, Any]:
    yaml = YAML()
    document = yaml.load(path()) if path().exists() else None
    return yaml, document if document is not None else {}


def _save(yaml: YAML, document: Any) -> None:
    path().parent.mkdir(parents=True, exist_ok=True)
    fresh = path().with_suffix(".yaml.new")
    fresh.touch(mode=0o600)
    fresh.chmod(0o600)
    yaml.dump(document, fresh)
    fresh.replace(path())
