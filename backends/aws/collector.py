"""The collector: the process that owns AWS. Requests come as frames on stdin, answers go as frames to stdout.

Requests   {"id", "do": "begin", "context"}            first, once
           {"id", "do": "identify"}                    → "accounts"
           {"id", "do": "sweep", "task"}               → "page"… then "end"
           {"id", "do": "more"}                        one page of that sweep was taken
           {"id", "do": "call", …}                     → "answer" or "failure"
           {"id", "do": "cancel"}                      ends that sweep or call, silently
           {"id", "do": "ping"}                        → "pong", whatever else is under way
Answers    {"id", "what", …} and for a page its Arrow bytes as the body; "broken" for a fault of our own. The last one
           to a request has "asides": what was asked of AWS beside it (see `asides.py`).

The process ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from backends.aws.acting import perform
from backends.aws.frames import frame, read_frame
from backends.aws.kinds import KINDS
from backends.aws.logs import keep_to_yourself
from backends.aws.requests import Requester, Tally
from backends.aws.session import Caretaker, Sessions
from backends.aws.sweep import Sweep
from backends.aws.tasks import AwsError, SweepTask
from backends.aws.throttle import Throttle
from backends.aws.whose import Whose
from backends.context import Context
from backends.model import GLOBAL_REGION, Coverage, CoverageState, Json

UNTAKEN_PAGES = 4
"""How many pages of a sweep may be on their way; then it waits until one is taken."""

log = logging.getLogger(__name__)


class Collector:
    """Answers the requests of one daemon for one context."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sending = asyncio.Lock()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._untaken: dict[int, asyncio.Semaphore] = {}
        self._kinds = {kind.name: kind for kind in KINDS}
        self._caretaker = Caretaker()
        self._begin(Context())

    async def run(self) -> None:
        """Serves until stdin ends."""
        while (received := await read_frame(self._reader)) is not None:
            self._take(received[0])
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._sessions.close()

    def _take(self, request: Json) -> None:
        number, what = request["id"], request["do"]
        if what == "begin":
            self._begin(Context.from_json(request["context"]))
        elif what == "more":
            if untaken := self._untaken.get(number):
                untaken.release()
        elif what == "cancel":
            if task := self._running.get(number):
                task.cancel()
        elif what == "ping":
            self._start(number, self._send({"id": number, "what": "pong"}))
        elif what == "identify":
            self._start(number, self._identify(number))
        elif what == "sweep":
            self._start(number, self._sweep(number, request["task"]))
        elif what == "call":
            self._start(number, self._call(number, request))

    def _begin(self, context: Context) -> None:
        if context.endpoint:
            os.environ.setdefault("AWS_ENDPOINT_URL", context.endpoint)
        reach, throttle = context.reach, Throttle(context.reach.share)
        keep_to_yourself([given.external_id for given in (*reach.roles, reach.organization) if given is not None])
        keys, self._requester = (Requester(custom_endpoint=bool(context.endpoint), throttle=throttle) for _ in range(2))
        self._sessions = Sessions(context, keys)
        self._whose = Whose(self._sessions, self._requester)

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(self._answered(number, work))
        self._running[number] = task

        def done(ended: asyncio.Task[None]) -> None:
            self._running.pop(number, None)
            self._untaken.pop(number, None)
            if not ended.cancelled() and (error := ended.exception()):
                log.error("An answer could not be sent.", exc_info=error)
            self._caretaker.rest()

        task.add_done_callback(done)

    async def _answered(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        """Does the work; should it fail where nothing was foreseen, whoever waits for its answer is told."""
        try:
            await work
        except Exception:
            log.exception("A request ended badly.")
            await self._send({"id": number, "what": "broken"})

    async def _send(self, header: Json, body: bytes = b"") -> None:
        async with self._sending:
            self._writer.write(frame(header, body))
            await self._writer.drain()

    async def _end(self, header: Json) -> None:
        """The last answer to a request, and with it what was asked of AWS beside it."""
        await self._send(header | {"asides": self._sessions.asides.taken()})

    async def _identify(self, number: int) -> None:
        accounts = await self._whose.ask()
        await self._end({"id": number, "what": "accounts", "accounts": [account.as_json() for account in accounts]})

    async def _sweep(self, number: int, asked: Json) -> None:
        task = _task(asked)
        untaken = self._untaken[number] = asyncio.Semaphore(UNTAKEN_PAGES)

        async def emit(arrow: bytes, rows: int) -> None:
            await untaken.acquire()
            await self._send({"id": number, "what": "page", "rows": rows}, arrow)

        kind, reader = self._kinds.get(task.kind), await self._whose.reader(task.account)
        if kind is None or reader is None:
            what = f"kind {task.kind}" if kind is None else f"credentials for account {task.account}"
            problem = f"There is no {what} here."
            coverage = Coverage(task.account, task.region, task.kind, CoverageState.ERROR, problem)
            await self._end({"id": number, "what": "end", "coverage": _written(coverage), "operations": []})
            return
        account, login = reader
        sweep = Sweep(
            kind,
            task,
            requester=self._requester,
            client=lambda service: self._sessions.client(login, service, task.region),
            loader=self._sessions.loader,
            emit=emit,
            region_known=task.region == GLOBAL_REGION or task.region in account.regions,
        )
        coverage = await sweep.run()
        operations = sweep.tally.as_json()
        await self._end({"id": number, "what": "end", "coverage": _written(coverage), "operations": operations})

    async def _call(self, number: int, request: Json) -> None:
        tally = Tally()
        try:
            reader = await self._whose.reader(request["account"])
            if reader is None:
                message = f"There are no credentials for account {request['account']}; log in again."
                raise AwsError("NoCredentials", message, f"{request['service']}:{request['operation']}")
            answer = await perform(
                self._sessions,
                self._requester,
                reader[1],
                request["account"],
                request["region"],
                request["service"],
                request["operation"],
                request["parameters"],
                tally,
            )
            header = {"what": "answer", "answer": _plain(answer)}
        except AwsError as error:
            header = {
                "what": "failure",
                "code": error.code,
                "message": error.message,
                "operation": error.operation,
                "http_status": error.http_status,
                "outcome_known": error.outcome_known,
            }
        await self._end(header | {"id": number, "operations": tally.as_json()})


def _task(value: Json) -> SweepTask:
    since = value.get("since")
    return SweepTask(
        value["account"],
        value["region"],
        value["kind"],
        datetime.fromisoformat(since) if since else None,
        bool(value.get("focus")),
        value.get("budget"),
        tuple(value.get("about") or ()),
    )


def _written(coverage: Coverage) -> Json:
    return {name: getattr(coverage, name) for name in Coverage.__dataclass_fields__}


def _plain(value: Any) -> Any:
    """The value with what JSON cannot say made text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
