"""What carries packets: the Linux kernel, or for tests nothing at all."""
