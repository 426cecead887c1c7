"""Flavors: the sizes that servers come in, who may take them, and what they ask of a host."""
