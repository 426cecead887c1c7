"""Services: the agents on hosts and the workers of the control plane, as operators see them."""
