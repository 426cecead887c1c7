"""Tokens: proofs of identity that carry a scope."""
