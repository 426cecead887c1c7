"""One room for each OpenStack service, named by its official service type."""
