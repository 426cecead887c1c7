"""Floating IPs and their port forwardings."""
