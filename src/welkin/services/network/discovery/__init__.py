"""What a client can find out of the API itself: versions, resources and extensions."""
