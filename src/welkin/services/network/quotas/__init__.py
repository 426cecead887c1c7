"""Quotas of networks, ports and the rest."""
