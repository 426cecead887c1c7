"""Key pairs: the public keys that users log in to their servers with."""
