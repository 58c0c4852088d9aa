"""A terminal program seen from the other end of a pseudo-terminal: what it writes, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from dataclasses import dataclass
from statistics import median

KEYS = {"down": "\x1b[B", "up": "\x1b[A", "pagedown": "\x1b[6~", "pageup": "\x1b[5~", "escape": "\x1b", "enter": "\r"}
ANSWERS = ((b"\x1b[?2026$p", b"\x1b[?2026;2$y"), (b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[6n", b"\x1b[1;1R"))
ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78cDEHM]")


@dataclass(frozen=True)
class Stroke:
    """One key: bytes that it caused and seconds until the last of them."""

    bytes: int
    seconds: float


class Terminal:
    """Runs `command` on a pty of `columns` × `rows`; answers the queries that Textual sends."""

    def __init__(
        self, command: list[str], columns: int = 180, rows: int = 50, environment: dict[str, str] | None = None
    ):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})})
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.data, self.last, self.alive = b"", self.started, True

    def pump(self, seconds: float) -> bool:
        """Read what comes within `seconds`; whether anything came."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            chunk = b""
        if not chunk:
            self.alive = False
            return False
        self.data, self.last = self.data + chunk, time.perf_counter()
        for query, answer in ANSWERS:
            if query in chunk:
                os.write(self.fd, answer)
        return True

    def wait_for(self, text: str, timeout: float = 60) -> float:
        """Seconds from the start until `text` had been written, escapes aside; TimeoutError if it never was."""
        wanted, deadline = text.encode(), time.perf_counter() + timeout
        while self.alive and time.perf_counter() < deadline:
            if self.pump(0.01) and wanted in ESCAPES.sub(b"", self.data):
                return self.last - self.started
        raise TimeoutError(f"{text!r} never appeared; last written: {ESCAPES.sub(b'', self.data)[-400:]!r}")

    def settle(self, quiet: float = 0.15, limit: float = 5.0) -> None:
        """Read until nothing has come for `quiet` seconds, `limit` at most."""
        now = time.perf_counter()
        end, self.last = now + limit, max(self.last, now)
        while self.alive and time.perf_counter() < end and time.perf_counter() - self.last < quiet:
            self.pump(quiet / 5)

    def press(self, key: str, quiet: float = 0.15) -> Stroke:
        """Send one key and measure all that it causes."""
        before, sent = len(self.data), time.perf_counter()
        os.write(self.fd, KEYS.get(key, key).encode())
        last = sent
        self.last = sent
        while self.alive and time.perf_counter() - max(self.last, last) < quiet and time.perf_counter() - sent < 5:
            self.pump(quiet / 5)
        return Stroke(len(self.data) - before, self.last - sent)

    def close(self) -> None:
        """End the program: hang up first, as a closed SSH connection does."""
        for sign in (signal.SIGHUP, signal.SIGKILL):
            try:
                os.kill(self.pid, sign)
            except ProcessLookupError:
                break
            for _ in range(40):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    os.close(self.fd)
                    return
                time.sleep(0.05)


def typical(strokes: list[Stroke]) -> tuple[int, float]:
    """Median bytes and median milliseconds."""
    return int(median(stroke.bytes for stroke in strokes)), 1000 * median(stroke.seconds for stroke in strokes)
