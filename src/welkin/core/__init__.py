"""What every room stands on: HTTP, database, policy, work and time.  It knows no service."""
