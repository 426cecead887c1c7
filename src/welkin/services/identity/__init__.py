"""Identity (OpenStack keystone, v3): who somebody is, what they may do where, and where the services are.

Words: a *domain* holds users, groups and projects, and is itself a project with `is_domain`.
A *role* is assigned to a user or a group (the actor) on a project, a domain or the system
(the target), maybe inherited by everything below.  A *token* says who somebody proved to be
and which scope they chose; what it allows is looked up anew, never believed from the token.
The *epoch* is a number that grows with each change which could alter what a token means.
"""
