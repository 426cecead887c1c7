"""RBAC policies: what is shared with which project."""
