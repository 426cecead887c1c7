"""Subnet pools and address scopes: where subnets come from."""
