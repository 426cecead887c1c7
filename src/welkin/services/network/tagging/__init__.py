"""Tags on every kind of resource."""
