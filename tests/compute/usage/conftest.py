"""Compute beside servers."""

from __future__ import annotations

from tests.compute.resource_cloud import compute

__all__ = ["compute"]
