"""The ports of a server: listed, attached to a server that may run, and taken from it again."""
