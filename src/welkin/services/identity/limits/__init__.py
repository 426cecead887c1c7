"""Unified limits: what is registered, and what single projects and domains get."""
