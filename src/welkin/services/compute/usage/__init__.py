"""Usage: what servers took and for how long, and where they moved."""
