"""Trusts: roles that a user lends to another."""
