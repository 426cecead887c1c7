"""Consoles: what a server wrote, its screen in a browser, its serial line.

No host listens for anybody.  Whoever has a token connects to the API; the API asks the
host's agent, and the agent dials back and carries the bytes of the guest's Unix socket.
"""
