"""Subnets: ranges of addresses on networks."""
