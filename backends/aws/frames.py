"""The protocol between daemon and collector: frames over two pipes.

A frame is two big-endian 32-bit lengths, a JSON header of the first length, and a binary body of the second.
"""

from __future__ import annotations

import asyncio
import json
import struct

from backends.model import Json

_LENGTHS = struct.Struct("!II")
_CHUNK = 1 << 18
MAX_HEADER = 1 << 26
MAX_BODY = 1 << 30


class BadFrame(Exception):
    """The other side sent what is not a frame."""


def frame(header: Json, body: bytes = b"") -> bytes:
    """One frame as bytes."""
    written = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(written), len(body)), written, body))


async def read_frame(reader: asyncio.StreamReader) -> tuple[Json, bytes] | None:
    """The next frame, None at the end of the pipe. BadFrame where the bytes are none."""
    try:
        header_size, body_size = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
        if header_size > MAX_HEADER or body_size > MAX_BODY:
            raise BadFrame(f"A frame claims {header_size + body_size} bytes.")
        header = json.loads(await _exactly(reader, header_size))
        body = await _exactly(reader, body_size)
    except asyncio.IncompleteReadError:
        return None
    except ValueError as error:
        raise BadFrame(f"A frame's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise BadFrame("A frame's header is not an object.")
    return header, body


async def _exactly(reader: asyncio.StreamReader, size: int) -> bytes:
    """`size` bytes, taken in chunks so that the pipe's buffer stays small however large the frame."""
    chunks: list[bytes] = []
    while size:
        chunk = await reader.read(min(size, _CHUNK))
        if not chunk:
            raise asyncio.IncompleteReadError(b"", size)
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
