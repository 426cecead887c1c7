"""Users, and their passwords."""
