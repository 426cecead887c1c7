"""The host's half of networks: make bridges, filters, routers and DHCP servers match the documents."""
