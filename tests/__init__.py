"""Welkin's tests; see the Makefile for the suites."""
