"""Placement: who offers how much of what, and who uses it (OpenStack placement, 1.0 to 1.39).

A *provider* is something that has resources: a host, a device below it, a shared pool.
Its *inventory* says how much it has of each *resource class*, its *traits* what it is
like, its *aggregates* with whom it belongs together.  A *consumer* (a server) holds
*allocations*.  *Candidates* are the ways in which a request could be met now.
"""
