"""The collector process: python -m backends.aws --log FILE. Speaks frames on stdin and stdout, ends when stdin does."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from backends.frugal import without_pandas
from backends.niceness import stand_back

_PIPE_BYTES = 1 << 20


def _private_pipes() -> tuple[int, int]:
    """Our two pipes under other numbers; 0 becomes empty and 1 joins 2, out of reach of prompts and prints."""
    frames_in, frames_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # A page that fits the pipe is handed over at once instead of in fifty turns of both processes.
    with suppress(AttributeError, OSError):  # Linux alone has it, and may have no room left for this user
        fcntl.fcntl(frames_out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return frames_in, frames_out


async def _serve(frames_in: int, frames_out: int) -> None:
    from backends.aws.collector import Collector

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_PIPE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(frames_in, "rb", 0))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(frames_out, "wb", 0)
    )
    await Collector(reader, asyncio.StreamWriter(transport, protocol, None, loop)).run()


def main(arguments: list[str]) -> int:
    """Runs the collector; 2 for wrong arguments."""
    if len(arguments) != 2 or arguments[0] != "--log":
        print("usage: python -m backends.aws --log FILE", file=sys.stderr)  # noqa: T201
        return 2
    frames_in, frames_out = _private_pipes()
    stand_back()
    without_pandas()
    # A key pressed in somebody's terminal is not for us: our life is our stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from backends.aws.logs import start_log

    start_log(Path(arguments[1]))
    try:
        asyncio.run(_serve(frames_in, frames_out))
    except (BrokenPipeError, ConnectionResetError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
