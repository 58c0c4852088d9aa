"""Events go on after a daemon has begun anew, though nothing else is asked of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from backends.client import Client, DaemonSpec
from backends.context import Context
from backends.launch import ANNOUNCEMENT_FILE


async def test_a_daemon_that_began_anew_is_told_who_listens(tmp_path: Path) -> None:
    known: set[str] = set()
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.read(1 << 16)).decode()
        if not head:
            writer.close()
            return
        asked.append(" ".join(head.split()[:2]))
        if head.startswith("POST /v1/contexts"):
            known.add("ours")
            body = json.dumps({"context": "ours"}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        elif "x-quarterdeck-context: ours" in head and "ours" in known:
            lines = b'{"topic": "ec2.instance", "version": 7}\n'
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(lines), lines))
        else:
            writer.write(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    socket = tmp_path / "s"
    (tmp_path / ANNOUNCEMENT_FILE).write_text(json.dumps({"socket": str(socket)}))
    async with await asyncio.start_unix_server(serve, socket), Client(DaemonSpec(tmp_path), socket) as client:
        await client.register(Context())
        events = client.events()
        async with asyncio.timeout(120):
            assert (await anext(events))["topic"] == "ec2.instance"
            known.clear()
            told = [await anext(events) for _ in range(4)]
        await events.aclose()
    assert told == [{"lost": True}, {"lost": True}, {"gap": True}, {"topic": "ec2.instance", "version": 7}]
    assert asked.count("POST /v1/contexts") == 2
