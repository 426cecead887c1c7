"""`welkin doctor`: is this machine fit, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console

from welkin.app import Config
from welkin.cli.launch import answers
from welkin.cli.parts import own_url
from welkin.tools import kvm
from welkin.tools.packages import SYSTEM_PACKAGES

ROOT = 0
FREE_GIB_WANTED = 5
MEMORY_GIB_WANTED = 2
MEMORY = Path("/proc/meminfo")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.  `advice` is empty where all is well."""

    what: str
    found: str
    advice: str = ""


async def doctor(config: Config, console: Console) -> None:
    """Print every finding, and how guests run here."""
    findings = [*machine(config), *programs()]
    for finding in findings:
        mark = "[green]✓[/green]" if not finding.advice else "[red]✗[/red]"
        console.print(f"{mark} {finding.what}: {finding.found}")
        if finding.advice:
            console.print(f"    {finding.advice}")
    if shutil.which(kvm.QEMU):
        console.print(f"[green]✓[/green] {await accelerator(config)}")
    running = answers(own_url(config))
    word = "answers" if running else "does not run"
    mark = "[green]✓[/green]" if running else "·"
    console.print(f"{mark} Welkin {word} at {own_url(config)}")
    if any(finding.advice for finding in findings):
        raise SystemExit(1)


async def accelerator(config: Config) -> str:
    """Say how guests run: as it was found when the cloud came up, else by trying now; nothing is written."""
    found = kvm.known(config.cloud.state_dir, ROOT)
    if found is None:
        found = await kvm.probe()
        if os.geteuid() != ROOT:
            return f"Guests would run under {found.name.upper()}, as far as this user can tell: {found.reason}"
    return f"Guests run under {found.name.upper()}: {found.reason}"


def machine(config: Config) -> Iterator[Finding]:
    """Look at what no package gives."""
    root = os.geteuid() == ROOT
    advice = "" if root or config.cloud.driver == "memory" else "Real servers need root."
    yield Finding("User", "root" if root else f"uid {os.geteuid()}", advice)
    folder = config.cloud.state_dir
    while not folder.exists():
        folder = folder.parent
    free_gib = shutil.disk_usage(folder).free / (1 << 30)
    advice = "" if free_gib >= FREE_GIB_WANTED else f"Free {FREE_GIB_WANTED} GiB, or set cloud.state_dir elsewhere."
    yield Finding("Disk", f"{free_gib:.0f} GiB free below {folder}", advice)
    memory_gib = int(MEMORY.read_text().split()[1]) / (1 << 20)
    advice = "" if memory_gib >= MEMORY_GIB_WANTED else "Guests need memory; 2 GiB is the least that is any use."
    yield Finding("Memory", f"{memory_gib:.1f} GiB", advice)
    tun = Path("/dev/net/tun").exists()
    yield Finding("TUN/TAP", "there" if tun else "missing", "" if tun else "Load the kernel module tun: modprobe tun.")
    if root:
        yield namespaces()


def namespaces() -> Finding:
    """Try whether a network namespace with a bridge can be made."""
    command = ["unshare", "--net", "ip", "link", "add", "name", "probe", "type", "bridge"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return Finding("Namespaces and bridges", "not tried", f"{error}; install util-linux and iproute2.")
    if done.returncode == 0:
        return Finding("Namespaces and bridges", "work")
    return Finding(
        "Namespaces and bridges", done.stderr.strip(), "The kernel must allow CLONE_NEWNET and have bridges."
    )


def programs() -> Iterator[Finding]:
    """Look whether the system packages are there, where the system can tell."""
    if shutil.which("dpkg-query") is None:
        return
    command = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\n", *SYSTEM_PACKAGES]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    installed = {line.split()[1] for line in lines if line.startswith("ii")}
    missing = [name for name in SYSTEM_PACKAGES if name not in installed]
    for name in missing:
        yield Finding(name, "missing", f"It {SYSTEM_PACKAGES[name]}: apt-get install {name}, or run make up.")
    if not missing:
        yield Finding("Packages", f"all {len(SYSTEM_PACKAGES)} are installed")
