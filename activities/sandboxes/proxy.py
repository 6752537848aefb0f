"""The one way out of a local sandbox: an HTTP proxy on a unix socket that admits hosts by name.

It resolves names itself and connects to the very address that it checked, so a name that changes its
address between check and use gains nothing. Loopback, private, link-local and metadata addresses are
refused, unless an admin listed that host as allowed to be private. CONNECT and absolute-form requests
as in RFC 9112, sections 3.2.2 and 3.2.3.
"""

import asyncio
import ipaddress
import re
import socket
import tempfile
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PORTS: Final = frozenset({80, 443})
_HEAD_LIMIT: Final = 64 * 1024
_SECONDS: Final = 30
_MOST_TOLD: Final = 20
_CONNECT: Final = re.compile(r"CONNECT (\[?[\w.:-]+\]?):(\d{1,5}) HTTP/1\.[01]")
_ABSOLUTE: Final = re.compile(
    r"([A-Z]{3,10}) http://([\w.-]+)(?::(\d{1,5}))?(/\S*)? (HTTP/1\.[01])"
)


@dataclass(frozen=True)
class Egress:
    """What may be reached: names, ``*.example.org`` for all below one, ``host:port`` for a port.

    ``private`` are hosts that may have an address inside a private network.
    """

    allowed: tuple[str, ...] = ()
    private: Collection[str] = ()

    def admits(self, host: str, port: int) -> bool:
        """True when the name is on the list, at 80 and 443 or the port that the list names."""
        name = host.lower().rstrip(".")
        for entry in self.allowed:
            wanted, _, number = entry.lower().partition(":")
            if (port == int(number)) if number else (port in _PORTS):
                below = wanted.startswith("*.") and name.endswith(wanted[1:])
                if name == wanted or below:
                    return True
        return False

    def may_be_private(self, host: str) -> bool:
        """True for a host that an admin listed."""
        return host.lower().rstrip(".") in {name.lower() for name in self.private}


class Refused(Exception):
    """A request that the proxy does not pass on; its words are told to the client."""


class _Proxy:
    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self.refusals: dict[str, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from the sandbox."""
        try:
            await self._pass_on(reader, writer)
        except Refused as refused:
            if len(self.refusals) < _MOST_TOLD:
                self.refusals[str(refused)] = None
            body = f"{refused}\n".encode()
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.write(
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        finally:
            with suppress(OSError):
                await writer.drain()
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, _, rest = head.partition("\r\n")
        connect = _CONNECT.fullmatch(line)
        if connect is not None:
            upstream = await self._open(connect.group(1), int(connect.group(2)))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            absolute = _ABSOLUTE.fullmatch(line)
            if absolute is None:
                msg = "Only CONNECT and http:// addresses pass this proxy."
                raise Refused(msg)
            method, host, port, path, version = absolute.groups()
            upstream = await self._open(host, int(port or 80))
            kept = [h for h in rest.split("\r\n") if h and not _is_hop(h)]
            first = [f"{method} {path or '/'} {version}", *kept, "Connection: close", "", ""]
            upstream[1].write("\r\n".join(first).encode("latin-1"))
        await _pipe(reader, writer, *upstream)

    async def _open(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._egress.admits(host, port):
            msg = f"{host}:{port} is not on the list of hosts that this sandbox may reach."
            raise Refused(msg)
        address = await self._resolve(host, port)
        async with asyncio.timeout(_SECONDS):
            return await asyncio.open_connection(address, port)

    async def _resolve(self, host: str, port: int) -> str:
        """The address to connect to; every address of the name must be allowed."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            msg = f"{host} cannot be resolved."
            raise Refused(msg) from error
        addresses = [str(entry[4][0]) for entry in found]
        inside = [a for a in addresses if not ipaddress.ip_address(a.split("%")[0]).is_global]
        if inside and not self._egress.may_be_private(host):
            msg = f"{host} is inside a private network; an admin can list it in SANDBOX_PRIVATE_HOSTS."
            raise Refused(msg)
        return addresses[0]


def _is_hop(header: str) -> bool:
    return header.lower().startswith(("connection:", "proxy-"))


async def _pipe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    upstream_reader: asyncio.StreamReader,
    upstream_writer: asyncio.StreamWriter,
) -> None:
    """Copy both ways until both ends are done."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
            if target.can_write_eof():
                target.write_eof()

    up = asyncio.create_task(copy(reader, upstream_writer))
    try:
        await copy(upstream_reader, writer)
    finally:
        up.cancel()
        upstream_writer.close()


@asynccontextmanager
async def proxy_socket(egress: Egress) -> AsyncGenerator[tuple[Path, Collection[str]]]:
    """Serve on a socket of its own while the block runs; its path is short enough for any host.

    Yields the socket, and what was refused so far, in words.
    """
    with tempfile.TemporaryDirectory(prefix="specwright-") as folder:
        path = Path(folder) / "proxy"
        proxy = _Proxy(egress)
        server = await asyncio.start_unix_server(proxy.serve, path=str(path), limit=_HEAD_LIMIT)
        path.chmod(0o666)
        try:
            yield path, proxy.refusals.keys()
        finally:
            server.close()
