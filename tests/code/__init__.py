"""The rules that keep the code from rotting, as tests over its own source."""
