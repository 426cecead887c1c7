"""A whole cloud in the process of a test: real APIs, real database, memory drivers.  Shipped for users' own tests."""
