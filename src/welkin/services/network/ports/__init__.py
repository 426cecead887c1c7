"""Ports: places to plug something in, with their addresses."""
