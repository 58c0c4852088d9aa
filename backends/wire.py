"""Just enough HTTP/1.1 for one daemon behind one unix socket, over asyncio's own streams.

http.client would pull in email and block; httpx costs more to import than a pane takes to paint.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]
"""A JSON object on its way; the vocabulary's own alias would cost a pane the whole vocabulary."""

_LIMIT = 1 << 20


class ConnectionLost(ConnectionError):
    """The daemon went away in the middle. `sent` says whether it may have acted on the request.

    `status` is what it answered instead of lines without end, 0 where it said nothing.
    """

    def __init__(self, sent: bool, status: int = 0) -> None:
        super().__init__("The daemon closed the connection.")
        self.sent = sent
        self.status = status


class Reply(NamedTuple):
    """One answer: its status, its headers by lower-case name, its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One keep-alive connection. One exchange at a time; after any error it is closed and of no more use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """OSError where nobody listens."""
        return cls(*await asyncio.open_unix_connection(path, limit=_LIMIT))

    @property
    def usable(self) -> bool:
        """Whether the daemon has not closed it meanwhile."""
        return not (self._reader.at_eof() or self._writer.is_closing() or self._reader.exception())

    def close(self) -> None:
        self._writer.close()

    async def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send a request and read its whole answer; ConnectionLost where the daemon goes away."""
        try:
            status, found = await self._request(method, target, headers, body)
            if found.get("transfer-encoding") == "chunked":
                content = b"".join([chunk async for chunk in self._chunks()])
            else:
                content = await self._reader.readexactly(int(found.get("content-length", "0")))
        except BaseException:
            self.close()
            raise
        if found.get("connection") == "close":
            self.close()
        return Reply(status, found, content)

    async def lines(self, target: str, headers: Mapping[str, str], silence: float) -> AsyncIterator[bytes]:
        """The lines of an endless answer, blank ones too; ConnectionLost when it ends or is silent for `silence` s."""
        try:
            status, found = await self._request("GET", target, headers, None)
            if status != 200 or found.get("transfer-encoding") != "chunked":
                raise ConnectionLost(sent=True, status=status)
            rest = b""
            chunks = self._chunks()
            while True:
                try:
                    # Not wait_for: before Python 3.12 it loses a cancellation that meets the arrival of data.
                    async with asyncio.timeout(silence):
                        rest += await anext(chunks)
                except (StopAsyncIteration, TimeoutError):
                    raise ConnectionLost(sent=True) from None
                *whole, rest = rest.split(b"\n")
                for line in whole:
                    yield line
        finally:
            self.close()

    async def _request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, dict[str, str]]:
        lines = [f"{method} {target} HTTP/1.1", "host: quarterdeck", *(f"{k}: {v}" for k, v in headers.items())]
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        try:
            self._writer.write(head + (body or b""))
            await self._writer.drain()
            answer = await self._reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ConnectionLost(sent=True) from error
        first, *rest = answer.decode("latin-1").split("\r\n")
        found = {}
        for line in rest:
            name, colon, value = line.partition(":")
            if colon:
                found[name.strip().lower()] = value.strip()
        return int(first.split(" ", 2)[1]), found

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                chunk = await self._reader.readexactly(size + 2)
                yield chunk[:-2]
            await self._reader.readuntil(b"\r\n")
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            raise ConnectionLost(sent=True) from error


class Pool:
    """A few keep-alive connections to the socket whose path `where` gives; more than that wait their turn."""

    def __init__(self, size: int = 4) -> None:
        self._free: list[Connection] = []
        self._turns = asyncio.Semaphore(size)

    async def exchange(
        self, path: Path, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """As `Connection.exchange`; ConnectionLost(sent=False) where no connection could be made at all."""
        async with self._turns:
            connection = self._take()
            if connection is None:
                try:
                    connection = await Connection.open(path)
                except OSError as error:
                    raise ConnectionLost(sent=False) from error
            try:
                reply = await connection.exchange(method, target, headers, body)
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                raise error if isinstance(error, ConnectionLost) else ConnectionLost(sent=True) from error
            if connection.usable:
                self._free.append(connection)
            return reply

    def _take(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """Close the idle connections; those in use close when their exchange ends in an error."""
        while self._free:
            self._free.pop().close()
