"""What serves networks on each host, as clients expect to see it: agents, zones and how full networks are."""
