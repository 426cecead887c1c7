"""Host aggregates: groups of hosts with metadata; one that names an availability zone puts its hosts there."""
