"""Hypervisors behind `driver.py`: one in memory, for tests and simulations, and QEMU."""
