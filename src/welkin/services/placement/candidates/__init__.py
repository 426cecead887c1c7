"""Candidates: the ways in which a request could be met."""
