"""What compute says of itself: its versions, its extensions, and what it no longer does."""
