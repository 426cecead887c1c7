"""The rules that new security groups start with."""
