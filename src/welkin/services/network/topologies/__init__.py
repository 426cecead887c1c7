"""Auto-allocated topologies: a network of a project's own, with a way outside, by one call."""
