"""Metadata definitions: which properties, objects and tags there are for images, flavors and others."""
