"""Hypervisors: what each host has for servers, as its agent tells it, and what is used of it."""
