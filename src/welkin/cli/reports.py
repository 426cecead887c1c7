"""`welkin status` and `welkin why`: what is there, and how it came about."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from welkin.app import Config
from welkin.cli.launch import answers, read_passwords
from welkin.cli.parts import own_url
from welkin.cli.trouble import Trouble
from welkin.client import Api, Refused
from welkin.core import times

SCHEDULED = ("compute.server.scheduled", "compute.server.unschedulable")
NEWEST = {"OpenStack_API_Version": "compute 2.90"}


def administrator(config: Config) -> Api:
    """Return the cloud as its administrator sees it.  Raises Trouble when it does not run."""
    if not answers(own_url(config)):
        raise Trouble("Welkin is not running; start it with `make up`.")
    return Api(own_url(config), "admin", read_passwords(config)["admin"], "admin")


async def status(config: Config, console: Console) -> None:
    """Show hosts, servers and networks."""
    api = administrator(config)
    hypervisors, servers, networks, images = await asyncio.gather(
        *(
            asyncio.to_thread(api.get, path, **headers)
            for path, headers in (
                ("/compute/v2.1/os-hypervisors/detail", {}),
                ("/compute/v2.1/servers/detail?all_tenants=1", NEWEST),
                ("/network/v2.0/networks?fields=id", {}),
                ("/image/v2/images", {}),
            )
        )
    )
    console.print(f"[bold]Welkin at {own_url(config)}[/bold], state in {config.cloud.state_dir}")
    console.print(host_table(hypervisors["hypervisors"]))
    words = Counter(server["status"] for server in servers["servers"])
    told = ", ".join(f"{count} {word}" for word, count in sorted(words.items())) or "none"
    console.print(f"Servers: {told}")
    for server in servers["servers"]:
        if server["status"] == "ERROR":
            console.print(f"  [red]{server['name']}[/red] {server.get('fault', {}).get('message', '')}")
    console.print(f"Networks: {len(networks['networks'])}   Images: {len(images['images'])}")


def host_table(hypervisors: list[dict[str, Any]]) -> Table:
    """Return the hosts and how full they are."""
    table = Table("Host", "State", "Kind", "Servers", "VCPUs", "Memory", "Disk", box=None, pad_edge=False)
    for each in hypervisors:
        table.add_row(
            each["hypervisor_hostname"],
            f"{each['state']}, {each['status']}",
            str(each["hypervisor_type"]),
            str(each["running_vms"]),
            f"{each['vcpus_used']}/{each['vcpus']}",
            f"{each['memory_mb_used']}/{each['memory_mb']} MiB",
            f"{each['local_gb_used']}/{each['local_gb']} GiB",
        )
    return table


async def why(config: Config, console: Console, wanted: str) -> None:
    """Show the last placement of a server, host by host, and its timeline."""
    api = administrator(config)
    server = await asyncio.to_thread(find_server, api, wanted)
    events = (await asyncio.to_thread(api.get, f"/welkin/v1/events?subject={server['id']}"))["events"]
    host = server["OS-EXT-SRV-ATTR:host"]
    console.print(f"[bold]{server['name']}[/bold] {server['id']} is {server['status']}, on {host or 'no host'}")
    if server.get("fault"):
        console.print(f"[red]{server['fault']['message']}[/red]")
    for event in [each for each in events if each["kind"] in SCHEDULED][-1:]:
        show_placement(console, event["facts"])
    console.print("")
    console.print(timeline(events))


def find_server(api: Api, wanted: str) -> dict[str, Any]:
    """Return a server by id or name.  Raises Trouble."""
    try:
        return dict(api.get(f"/compute/v2.1/servers/{wanted}", **NEWEST)["server"])
    except Refused as refused:
        if refused.status != 404:
            raise
    found = api.get(f"/compute/v2.1/servers/detail?all_tenants=1&name=^{wanted}$", **NEWEST)["servers"]
    if not found:
        raise Trouble(f"There is no server {wanted}.")
    return dict(found[0])


def show_placement(console: Console, facts: dict[str, Any]) -> None:
    """Show what the scheduler saw: each filter's count, then each host's fate and weight."""
    for each in facts.get("filters", ()):
        console.print(f"  {each['name']:<32} {each['before']} hosts in, {each['after']} left")
    for each in facts.get("hosts", ()):
        fate = f"refused by {each['refused_by']}" if each["refused_by"] else "would do"
        free = ", ".join(f"{amount} {name}" for name, amount in sorted(each["free"].items()))
        mark = " [green]← chosen[/green]" if each["host"] == facts.get("host") else ""
        console.print(f"  {each['host']}: {fate}, free: {free}{mark}")
    if facts.get("smallest_change"):
        console.print(f"  It would fit if: {facts['smallest_change']}")


def timeline(events: list[dict[str, Any]]) -> Table:
    """Return what happened, with the time since the event before."""
    table = Table("Time", "After", "What", "Details", box=None, pad_edge=False)
    before: float | None = None
    for event in events:
        after = "" if before is None else f"+{event['at'] - before:.3f} s"
        before = event["at"]
        short = {name: value for name, value in event["facts"].items() if name not in ("hosts", "filters")}
        details = ", ".join(f"{name} {value}" for name, value in short.items() if value not in (None, "", [], {}))
        table.add_row(times.with_micros(event["at"])[11:23], after, event["kind"], details)
    return table
