"""Guests under QEMU: `driver.py` is the hypervisor, the rest is what it is made of.

`home.py` is a guest's folder on the host, `command.py` the command line, `disks.py`
and `consoles.py` what their names say, `boots.py` the queue of guests that boot.
"""

from welkin.services.compute.drivers.qemu.driver import QemuDriver, QemuOptions

__all__ = ["QemuDriver", "QemuOptions"]
