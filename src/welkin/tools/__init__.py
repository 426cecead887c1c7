"""Thin typed hands on the outside world: no rows, no policy."""
