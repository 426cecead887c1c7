"""Server groups: servers that shall be kept together, or apart."""
