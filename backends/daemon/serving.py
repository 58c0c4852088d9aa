"""uvicorn behind our own socket: peers checked by the kernel, our own signals, no ticking while nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)


class Peer(NamedTuple):
    """Who is at the other end of a connection, as the kernel says it."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: Any) -> Peer:
    """SO_PEERCRED of a connected unix socket."""
    size = struct.calcsize("3i")
    return Peer(*struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)))


def admitted(peer: Peer) -> bool:
    """A personal daemon serves its own user, whatever the mode of the socket has become."""
    return peer.uid == os.getuid()


class PeerProtocol(H11Protocol):
    """One client's connection; whoever is not this user is hung up on before a byte is read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = peer_of(transport.get_extra_info("socket"))
        if not admitted(peer):
            log.warning("Refused a connection of uid %d (pid %d).", peer.uid, peer.pid)
            transport.abort()
            return
        self.app_state = {**self.app_state, "peer": peer}
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            super().connection_lost(exc)


class Server(uvicorn.Server):
    """A uvicorn server that is told when to stop instead of looking ten times a second."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PeerProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=3,
            )
        )
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Close the listeners and idle connections, give requests in flight their time, then return from `serve`."""
        self.should_exit = True
        self._stop.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stop.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def listen_also(self, listener: socket.socket) -> None:
        """Serve another socket: the one that replaces a socket file which somebody deleted."""

        def protocol() -> asyncio.Protocol:
            return PeerProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

        self.servers.append(await asyncio.get_running_loop().create_server(protocol, sock=listener))

    @property
    def clients(self) -> int:
        """How many processes are connected."""
        return len({getattr(c, "app_state", {}).get("peer") for c in self.server_state.connections})
