"""Imports: data that Welkin fetches or takes from staging, and the tasks that do it."""
