"""Projects and domains, which are projects too, with their hierarchy and tags."""
