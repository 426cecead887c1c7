"""The tables of the core."""

from __future__ import annotations

from welkin.core.agents import AGENTS
from welkin.core.events import EVENTS
from welkin.core.quota import QUOTAS
from welkin.core.tags import TAGS
from welkin.core.work import WORK

MIGRATIONS: tuple[str, ...] = (TAGS + QUOTAS + EVENTS + WORK + AGENTS,)
