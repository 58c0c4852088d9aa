"""The daemon's side of the collector: starts it, asks it, and survives its death.

Everything here runs on the daemon's event loop and touches no AWS library: pages pass through as bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from backends.aws.frames import BadFrame, frame, read_frame
from backends.aws.tasks import AwsError, Death, Page, SweepEnd, SweepTask
from backends.context import Context
from backends.model import Account, Coverage, CoverageState, Json, iam_action

__all__ = ["AwsError", "Collector", "Page", "SweepEnd", "SweepTask"]

log = logging.getLogger(__name__)

_PIPE_BYTES = 1 << 20
_END_SECONDS = 5.0
_SIGN_SECONDS = 60.0
"""After so long without a word from a process that somebody waits for, it is asked for one; after as long again without
any it is killed. A page of any size is parsed in a second or two."""
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "LD_LIBRARY_PATH")
_FRUGAL = {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""One heap, which gives back what a page took, instead of several that each keep it."""

Received = tuple[Json, bytes]
Counted = Callable[[str, list[Json]], None]


def _nobody(account: str, operations: list[Json]) -> None:
    """Nobody counts."""


class Collector:
    """A running collector process for one context."""

    def __init__(self, process: asyncio.subprocess.Process, counted: Counted = _nobody) -> None:
        assert process.stdin and process.stdout
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._number = 0
        self._pending: dict[int, asyncio.Queue[Received | None]] = {}
        self._counted = counted
        self._ended = self._closing = False
        self._killed = ""
        self._death: Death | None = None
        self._heard = self._asked = False
        self._looking: asyncio.TimerHandle | None = None
        self._listening = asyncio.ensure_future(self._listen())

    @classmethod
    async def start(cls, context: Context, log: Path, counted: Counted = _nobody) -> Collector:
        """Spawns the process with the context's environment. Its log goes to `log`; credentials stay in memory.

        `counted` hears of every sweep, call and login: the account, and what operations cost (see `requests.Tally`).
        """
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment = {"PYTHONUNBUFFERED": "1", **_FRUGAL, **inherited, **context.environment}
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "backends.aws",
                "--log",
                str(log),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
                limit=_PIPE_BYTES,
                start_new_session=True,
            )
        collector = cls(process, counted)
        # The environment went with the process itself; the rest of the context need not repeat its secrets.
        said = replace(context, environment={}).as_json()
        with contextlib.suppress(ConnectionError):
            await collector._send({"id": 0, "do": "begin", "context": said})
        return collector

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs and answers."""
        return not self._ended and self._process.returncode is None

    @property
    def death(self) -> Death | None:
        """How the process ended without being asked to; None while it has not, or where that is not known yet."""
        return self._death

    async def identify(self) -> list[Account]:
        """One account for each profile; what is wrong with credentials is in its `state` and `problem`."""
        async with self._request({"do": "identify"}) as (_, answers):
            received = await answers.get()
        if received is None:
            return [Account("", state="error", problem=self._obituary())]
        return [Account.from_json(account) for account in received[0]["accounts"]]

    async def sweep(self, task: SweepTask) -> AsyncGenerator[Page | SweepEnd, None]:
        """The sweep's pages as they come, then its end, always. Closing the iterator cancels the sweep."""
        asked: Json = {
            "account": task.account,
            "region": task.region,
            "kind": task.kind,
            "since": task.since.isoformat() if task.since else None,
            "focus": task.focus,
            "budget": task.budget,
            "about": task.about,
        }
        coverage: Coverage | None = None
        async with self._request({"do": "sweep", "task": asked}) as (number, answers):
            while (received := await answers.get()) is not None:
                header, body = received
                if header["what"] == "end":
                    self._counted(task.account, header["operations"])
                    said = header["coverage"]
                    coverage = Coverage(**said | {"state": CoverageState(said["state"])})
                    break
                yield Page(body, header["rows"])
                with contextlib.suppress(ConnectionError):
                    await self._send({"id": number, "do": "more"})
        # Outside of the request: whoever stops listening at the end leaves nothing pending.
        yield SweepEnd(
            coverage or Coverage(task.account, task.region, task.kind, CoverageState.ERROR, self._obituary())
        )

    async def call(self, account: str, region: str, service: str, operation: str, parameters: Json) -> Json:
        """One request for an action. Raises AwsError; what changes something is sent at most once."""
        asked: Json = {
            "do": "call",
            "account": account,
            "region": region,
            "service": service,
            "operation": operation,
            "parameters": parameters,
        }
        action = iam_action(service, operation)
        if not self.alive:
            raise AwsError("CollectorEnded", f"{action} was not sent. {self._obituary()}", action)
        async with self._request(asked) as (_, answers):
            received = await answers.get()
        if received is None:
            message = f"Whether {action} was carried out is not known. {self._obituary()}"
            raise AwsError("CollectorEnded", message, action, outcome_known=False)
        header = received[0]
        self._counted(account, header["operations"])
        if header["what"] == "failure":
            raise AwsError(
                header["code"], header["message"], header["operation"], header["http_status"], header["outcome_known"]
            )
        answer: Json = header["answer"]
        return answer

    async def close(self) -> None:
        """Ends the process: its stdin closes; if that does not help within seconds, it is killed."""
        self._closing = True
        self._stdin.close()
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that meets the process's end.
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._kill("it answered no more and did not end when it was asked to")
            await self._process.wait()
        await self._listening

    @contextlib.asynccontextmanager
    async def _request(self, header: Json) -> AsyncIterator[tuple[int, asyncio.Queue[Received | None]]]:
        """Sends a request and gives its number and what comes back; None instead of an answer: none will come."""
        self._number += 1
        number = self._number
        # Bounded by the protocol: a sweep sends a few pages, then waits for "more".
        answers: asyncio.Queue[Received | None] = asyncio.Queue()
        self._pending[number] = answers
        if self._looking is None:
            self._heard = self._asked = False
            self._look_soon()
        try:
            if not self.alive:
                answers.put_nowait(None)
            else:
                with contextlib.suppress(ConnectionError):
                    await self._send(header | {"id": number})
            yield number, answers
        finally:
            del self._pending[number]
            if self.alive:
                # Stops what is not answered yet. Written without waiting: a generator being closed cannot wait.
                with contextlib.suppress(ConnectionError, RuntimeError):
                    self._stdin.write(frame({"id": number, "do": "cancel"}))

    async def _send(self, header: Json) -> None:
        self._stdin.write(frame(header))
        await self._stdin.drain()

    def _look_soon(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_SIGN_SECONDS, self._look)

    def _look(self) -> None:
        """Whether the process still lives inside: one that is stopped or stuck would be waited for for ever."""
        self._looking = None
        if not self._pending or not self.alive:
            return
        if self._heard:
            self._heard = self._asked = False
        elif self._asked:
            self._kill("it answered no more")
            return
        else:
            self._asked = True
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._stdin.write(frame({"id": 0, "do": "ping"}))
        self._look_soon()

    async def _listen(self) -> None:
        """Hands every frame to the request that it answers, until the process ends; then ends what is pending."""
        try:
            while (received := await read_frame(self._stdout)) is not None:
                self._heard = True
                header = received[0]
                for aside in header.pop("asides", ()):
                    self._counted(aside["account"], aside["operations"])
                if answers := self._pending.get(header.get("id", 0)):
                    answers.put_nowait(None if header.get("what") == "broken" else received)
        except (BadFrame, ConnectionError):
            self._kill("what it sent could not be read")
        finally:
            at = datetime.now(UTC)
            self._ended = True
            waiting, wanted = len(self._pending), self._closing
            for answers in self._pending.values():
                answers.put_nowait(None)
        await self._process.wait()
        if not wanted:
            self._death = Death(at, self._how())
            log.warning("Collector %d, asked for %d answers: %s", self.pid, waiting, self._obituary())

    def _obituary(self) -> str:
        if self.alive:
            return "The collector failed at this; its log says where."
        how = self._how()
        return f"The collector process ended{how and ' '}{how}; it is started again with the next poll."

    def _how(self) -> str:
        """How the process ended, "" where that is not known yet."""
        code = self._process.returncode
        if code is None:
            return ""
        return f"with code {code}" if code >= 0 else f"by signal {-code}" + (self._killed and f": {self._killed}")

    def _kill(self, why: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
            self._killed = why
