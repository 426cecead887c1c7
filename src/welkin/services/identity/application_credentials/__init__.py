"""Application credentials: a part of a user's rights, for a program."""
