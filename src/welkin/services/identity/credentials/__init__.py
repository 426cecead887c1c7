"""Credentials of any type, and EC2 keys, encrypted at rest."""
