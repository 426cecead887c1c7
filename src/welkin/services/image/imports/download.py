"""Fetches data from the web for a user, and never from where the user could not go.

Every address that a name stands for must be public, or in a network that the operator
allows; the connection is made to the very address that was checked, so that a name which
changes its mind between two look-ups gains nothing.  A redirect is checked anew.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from welkin.core.errors import Invalid
from welkin.services.image.errors import NoPublicAddress
from welkin.services.image.options import ImageOptions

REDIRECTS_MAX = 3
CHUNK_BYTES = 1 << 20
PORTS = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_url(url: str, options: ImageOptions) -> SplitResult:
    """Return the parts of a URL that may be fetched as far as its text says.  Raises NoPublicAddress, Invalid."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise Invalid(f"URI for web-download does not pass filtering: {url}") from None
    hosts = [host.lower() for host in options.import_hosts]
    host = (parts.hostname or "").lower()
    allowed = (
        parts.scheme in options.import_schemes
        and parts.scheme in PORTS
        and port in options.import_ports
        and bool(host)
        and (not hosts or host in hosts)
        and parts.username is None
        and url.isprintable()
        and " " not in url
    )
    if not allowed:
        raise NoPublicAddress(f"URI for web-download does not pass filtering: {url}")
    return parts


def fetch(url: str, options: ImageOptions) -> Iterator[bytes]:
    """Yield the data at a URL, for a thread.  Raises NoPublicAddress, Invalid, OSError."""
    for _ in range(REDIRECTS_MAX + 1):
        parts = check_url(url, options)
        connection = _connect(parts, options)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Accept-Encoding": "identity", "User-Agent": "welkin"})
            response = connection.getresponse()
            if response.status in REDIRECTS and response.headers.get("Location"):
                url = urljoin(url, response.headers["Location"])
                continue
            if response.status != 200:
                raise Invalid(f"The server of {url} answered {response.status}.")
            yield from _chunks(response)
            return
        finally:
            connection.close()
    raise Invalid(f"More than {REDIRECTS_MAX} redirects from {url}.")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    announced, received = response.length, 0
    while chunk := response.read(CHUNK_BYTES):
        received += len(chunk)
        yield chunk
    if announced is not None and received != announced:
        raise Invalid(f"The server announced {announced} bytes and sent {received}.")


def _connect(parts: SplitResult, options: ImageOptions) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = checked_address(host, port, options)
    connection = http.client.HTTPConnection(host, port, timeout=options.import_timeout_s)
    raw = socket.create_connection(address[:2], timeout=options.import_timeout_s)
    try:
        connection.sock = raw
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    return connection


def checked_address(host: str, port: int, options: ImageOptions) -> tuple[Any, ...]:
    """Return an address of `host`, all of whose addresses may be reached.  Raises NoPublicAddress."""
    networks = [ipaddress.ip_network(text, strict=False) for text in options.import_networks]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Invalid(f"The name {host} cannot be resolved: {error}.") from None
    for *_, address in found:
        if not may_reach(str(address[0]), networks):
            raise NoPublicAddress(f"{host} is at {address[0]}, which is not public; an operator can allow its network.")
    return tuple(found[0][4])


def may_reach(text: str, networks: Sequence[Network]) -> bool:
    """Say whether an address is public, or in one of the networks that are allowed all the same."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if any(address in network for network in networks):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved
