"""Times as the services write and read them.  Inside, a time is a float: seconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from welkin.core.errors import Invalid


def with_z(seconds: float) -> str:
    """Return `2026-11-21T09:30:00Z`, as compute, image and network write it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_micros_z(seconds: float) -> str:
    """Return `2026-11-21T09:30:00.000000Z`, as identity writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def with_micros(seconds: float) -> str:
    """Return `2026-11-21T09:30:00.000000`, as compute's older views and block storage write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def parse(text: str) -> float:
    """Read any ISO 8601 time; without a zone it is UTC.  Raises Invalid."""
    try:
        moment = datetime.fromisoformat(
            text.strip().replace("Z", "+00:00").replace(" ", "+", 1) if "T" in text else text.strip()
        )
    except ValueError:
        raise Invalid(f"{text!r} is not a time; write it as 2026-11-21T09:30:00Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
