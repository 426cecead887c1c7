"""Port forwardings: single ports of floating IPs that lead inside."""
