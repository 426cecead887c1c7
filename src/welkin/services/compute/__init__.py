"""Compute: servers and everything that makes one run (OpenStack nova, v2.1).

A *server* is what a project asked for; a *guest* is what runs for it on a host.
The control plane writes what is wanted of each server; the host's half, in `host/`,
brings its guests there through a `ServerDriver` and reports what it sees.
"""
