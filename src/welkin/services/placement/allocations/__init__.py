"""Allocations: who uses what."""
