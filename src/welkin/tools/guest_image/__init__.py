"""The tiny guest: a disk image of about 30 MB that boots in seconds, made from Debian's own packages.

It is what tests boot, what a first server runs, and enough of a Linux for clients'
checks: DHCP, metadata, config drive, SSH, disks, IPv6.  `files/` is its own content.
"""
