"""Policy blobs, which are kept for whoever wants them."""
