"""What compute once did itself and network and image do today; for clients before 2.36.

Each call is made anew to the service that it belongs to, in the caller's name: that
service's own rules, quotas and checks hold, and nothing of them is repeated here.
"""
