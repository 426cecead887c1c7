"""The commands, each of which says what it does and what to do next."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from welkin.app import Config
from welkin.cli import doctor as doctors
from welkin.cli import launch, purging, reports
from welkin.cli.parts import load_config
from welkin.cli.trouble import Trouble
from welkin.client import Refused
from welkin.core.errors import Problem
from welkin.tools.processes import ToolFailed

app = typer.Typer(
    help="Welkin: OpenStack on one machine, with one command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)


def guarded(work: Callable[[Config], Awaitable[object]]) -> None:
    """Do what a command does; what went wrong becomes one sentence and exit code 1."""
    try:
        asyncio.run(_run(work))
    except (Trouble, Refused, Problem, ToolFailed, OSError) as error:
        console.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        sys.exit(1)


async def _run(work: Callable[[Config], Awaitable[object]]) -> None:
    await work(load_config())


@app.command()
def up(
    *,
    server: Annotated[bool, typer.Option(help="Boot a first server as well.")] = True,
    bare: Annotated[bool, typer.Option("--bare", help="Only start; make nothing.")] = False,
) -> None:
    """Start the cloud in the background, give it what a fresh cloud needs, and boot a first server."""
    guarded(lambda config: launch.start(config) if bare else launch.up(config, console, server=server))


@app.command()
def down() -> None:
    """Stop the control plane and the agent.  Guests live on, and are found again by the next `up`."""
    guarded(lambda config: launch.down(config, console))


@app.command()
def purge(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = True,
) -> None:
    """Remove the cloud without a trace: processes, guests, networks, disks, files."""
    if not yes:
        typer.confirm("Remove every server, disk and network of this cloud?", abort=True)
    guarded(lambda config: purging.purge(config, console))


@app.command()
def status() -> None:
    """Show the cloud at a glance."""
    guarded(lambda config: reports.status(config, console))


@app.command()
def why(server: Annotated[str, typer.Argument(help="A server's id or name.")]) -> None:
    """Say where a server landed and why, host by host and filter by filter, and what happened to it since."""
    guarded(lambda config: reports.why(config, console, server))


@app.command()
def doctor() -> None:
    """Check this machine, and say what to do about what is missing."""
    guarded(lambda config: doctors.doctor(config, console))
