"""Domains over HTTP; their rows are those of projects."""
