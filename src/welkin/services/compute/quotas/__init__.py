"""Quotas and limits: how much a project may have, and what it has."""
