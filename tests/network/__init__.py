"""Networks, tested over HTTP on the real application."""
