"""Welkin: OpenStack's APIs on one small control plane that manages real machines."""

__version__ = "0.1.0"
