"""Placement over HTTP, on a real database."""
