"""Providers: their trees, aggregates and traits."""
