"""The catalog: regions, services and endpoints."""
