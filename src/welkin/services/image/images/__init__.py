"""Images: what is known of them, and who sees them."""
