"""Names: traits and resource classes."""
