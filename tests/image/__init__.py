"""Image over HTTP, with real files and a real database."""
