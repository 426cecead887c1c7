"""Network: networks, subnets, ports, security groups, routers and floating IPs (OpenStack neutron, v2.0).

A *network* is one broadcast domain, a *subnet* an address range on it, a *port* a place to plug
something in, with its addresses.  Every address that is taken belongs to a port, also those of
routers, floating IPs and DHCP servers; `device_owner` says whose it is.  A *binding* is the
host on which a port is plugged.
"""
