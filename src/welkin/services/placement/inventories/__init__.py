"""Inventories: how much a provider has."""
