"""Who has which role where."""
