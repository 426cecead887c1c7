"""Packet filters: whole rulesets loaded in one transaction, and a cheap way to see that somebody changed them."""

from __future__ import annotations

import socket
import struct

from welkin.tools import namespaces, processes

NETLINK_NETFILTER = 12
GET_GENERATION = 10 << 8 | 16  # the subsystem of nftables, and its message NFT_MSG_GETGEN
GENERATION_ID = 1  # the attribute NFTA_GEN_ID
NLM_F_REQUEST = 1
HEADER = struct.Struct("=IHHII")
FAMILY = struct.Struct("=BBH")  # what every message of netfilter starts with
ATTRIBUTE = struct.Struct("=HH")
ANSWER_TIMEOUT_S = 5.0


async def load(namespace: str, text: str) -> None:
    """Load `text` as one transaction: all of it counts from the same moment, or none of it.  Raises ToolFailed."""
    await processes.run(namespaces.command(namespace, ["nft", "-f", "-"]), stdin=text.encode())


def generation() -> int:
    """Return a number that grows with every change to the rules of the calling thread's namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as channel:
        channel.settimeout(ANSWER_TIMEOUT_S)
        channel.bind((0, 0))
        body = FAMILY.pack(socket.AF_UNSPEC, 0, 0)
        channel.send(HEADER.pack(HEADER.size + len(body), GET_GENERATION, NLM_F_REQUEST, 0, 0) + body)
        answer = channel.recv(4096)
    place = HEADER.size + FAMILY.size
    while place + ATTRIBUTE.size <= len(answer):
        size, kind = ATTRIBUTE.unpack_from(answer, place)
        if kind == GENERATION_ID:
            return int.from_bytes(answer[place + ATTRIBUTE.size : place + size], "big")
        place += max(ATTRIBUTE.size, (size + 3) & ~3)
    return 0


async def drop_tables(namespace: str, tables: list[str]) -> None:
    """Remove tables, such as `inet welkin`; those that are not there do not matter."""
    await load(namespace, "".join(f"table {table}\ndelete table {table}\n" for table in tables))


async def tables(namespace: str) -> list[str]:
    """Return the tables of a namespace, as family and name."""
    printed = await processes.run(namespaces.command(namespace, ["nft", "list", "tables"]))
    return [line.removeprefix("table ") for line in printed.decode().splitlines()]


async def end_connections(namespace: str, address: str) -> None:
    """Forget every tracked connection from or to `address`, so that its next packet is judged anew."""
    family = "ipv6" if ":" in address else "ipv4"
    for side in ("--orig-src", "--orig-dst", "--reply-src", "--reply-dst"):
        argv = ["conntrack", "-D", "-f", family, side, address]
        await processes.run(namespaces.command(namespace, argv), good_codes=(0, 1))  # 1: there was none
