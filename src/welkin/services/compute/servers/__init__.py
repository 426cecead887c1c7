"""Servers: what a project asked for, what its host saw, and the states that clients wait on.

A request writes what is wanted in one transaction and answers.  `central` finds a host,
`source` tells the host what is wanted of it and takes its reports, and `plan` decides,
without any I/O, what a report or a passed deadline means for `vm_state` and `task_state`.
"""
