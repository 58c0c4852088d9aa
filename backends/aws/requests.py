"""One request to AWS: in turn, within our rate, within its deadline, tried again where that is safe, and counted."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import xform_name

from backends.aws.coverage import NEVER_SENT, Verdict, classify
from backends.aws.throttle import Throttle
from backends.model import CoverageState, Json

ATTEMPTS = 5
THROTTLED_ATTEMPTS = 9
"""Where AWS throttles three requests in ten, a sweep of hundreds of them still comes to its end."""
CALL_SECONDS = 60.0
_AT_ONCE = 12
_FIRST_PAUSE, _FIRST_PAUSE_THROTTLED, _LONGEST_PAUSE = 0.1, 0.5, 20.0
_LONGEST_AFTER = 60.0
"""For longer nobody waits where AWS says when to come again: the next poll does."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Count:
    """What one operation cost in one piece of work; seconds are those of the answers, waiting for our own rate not.

    errors     requests that failed for good; throttled are answers by which AWS said "too fast", tried again or not
    rows       elements that the answers held
    """

    calls: int = 0
    retries: int = 0
    errors: int = 0
    throttled: int = 0
    rows: int = 0
    seconds: float = 0.0
    cost: float = 0.0


@dataclass(slots=True)
class Tally:
    """Counts by (service, operation); `skew` is by how many seconds AWS's clock was ahead at the last answer."""

    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    skew: float = 0.0

    def of(self, service: str, operation: str) -> Count:
        return self.counts.setdefault((service, operation), Count())

    @property
    def total(self) -> Count:
        parts = self.counts.values()
        return Count(
            calls=sum(c.calls for c in parts),
            retries=sum(c.retries for c in parts),
            errors=sum(c.errors for c in parts),
            throttled=sum(c.throttled for c in parts),
            rows=sum(c.rows for c in parts),
            seconds=sum(c.seconds for c in parts),
            cost=round(sum(c.cost for c in parts), 9),
        )

    def as_json(self) -> list[Json]:
        return [
            {
                "service": service,
                "operation": operation,
                "calls": count.calls,
                "retries": count.retries,
                "errors": count.errors,
                "throttled": count.throttled,
                "rows": count.rows,
                "seconds": round(count.seconds, 4),
                "cost": round(count.cost, 9),
            }
            for (service, operation), count in self.counts.items()
        ]


class Refusal(Exception):
    """A request that failed for good: the verdict says how, `cause` is what was raised."""

    def __init__(self, verdict: Verdict, cause: BaseException) -> None:
        super().__init__(verdict.problem)
        self.verdict = verdict
        self.cause = cause


class Turns:
    """A bounded number of requests at once; those that somebody waits for go first."""

    def __init__(self, slots: int = _AT_ONCE) -> None:
        self._free = slots
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._number = 0

    @asynccontextmanager
    async def turn(self, *, focus: bool) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            self._number += 1
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (not focus, self._number, mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, _, following = heapq.heappop(self._waiting)
            if not following.done():
                following.set_result(None)
                return
        self._free += 1


@dataclass(frozen=True, slots=True)
class Line:
    """Whose requests these are and how they go: shared by the requests of one sweep or call."""

    account: str
    region: str
    tally: Tally
    focus: bool = False
    attempts: int = ATTEMPTS
    region_known: bool = True

    def most(self, throttled: bool) -> int:
        """After how many attempts it is given up: what nobody waits for is asked again where AWS is only busy."""
        return THROTTLED_ATTEMPTS if throttled and self.attempts == ATTEMPTS else self.attempts


class Requester:
    """Sends requests for every sweep and call of the process."""

    def __init__(self, *, custom_endpoint: bool = False, throttle: Throttle | None = None) -> None:
        self._custom_endpoint = custom_endpoint
        self._throttle = throttle or Throttle()
        self._turns = Turns()

    async def send(
        self,
        client: Any,
        line: Line,
        service: str,
        operation: str,
        parameters: Json,
        price: float,
        answers: Collection[str] = (),
    ) -> Json:
        """The answer without its metadata; Refusal where there is none in `line.attempts` attempts.

        `answers` are error codes that are an answer too, such as "there is none": raised, but no error.
        """
        bucket = self._throttle.bucket(line.account, line.region, service, operation)
        count = line.tally.of(service, operation)
        attempt = 1
        while True:
            await bucket.wait()
            count.calls += 1
            count.cost += price
            try:
                async with self._turns.turn(focus=line.focus):
                    return await _answer(client, operation, parameters, count, line.tally)
            except Exception as error:
                verdict = classify(
                    error,
                    service,
                    operation,
                    custom_endpoint=self._custom_endpoint,
                    region_known=line.region_known,
                )
                throttled = verdict.state is CoverageState.THROTTLED
                if _reached_nobody(error, verdict):
                    count.cost = max(0.0, count.cost - price)
                if throttled:
                    count.throttled += 1
                    bucket.throttled()
                if verdict.code in answers or verdict.code.endswith("DryRunOperation"):  # which is how EC2 says yes
                    raise Refusal(verdict, error) from None
                if verdict.after:
                    bucket.close(min(verdict.after, _LONGEST_AFTER))
                if not verdict.retry or attempt >= line.most(throttled) or verdict.after > _LONGEST_AFTER:
                    count.errors += 1
                    log.info("%s/%s %s:%s: %s", line.account, line.region, service, operation, verdict.problem)
                    raise Refusal(verdict, error) from None
            await asyncio.sleep(pause(attempt, throttled=throttled))
            attempt += 1
            count.retries += 1


def _reached_nobody(error: Exception, verdict: Verdict) -> bool:
    """Whether no request left this machine, so that AWS bills none."""
    return isinstance(error, NEVER_SENT) or verdict.code == "NoCredentials"


async def _answer(client: Any, operation: str, parameters: Json, count: Count, tally: Tally) -> Json:
    started = time.monotonic()
    try:
        async with asyncio.timeout(CALL_SECONDS):
            answer: Json = await getattr(client, xform_name(operation))(**parameters)
    finally:
        count.seconds += time.monotonic() - started
    told = answer.pop("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if told:
        tally.skew = _skew(told, tally.skew)
    return answer


def _skew(told: str, before: float) -> float:
    """Seconds by which the `Date` of an answer that has just come, which is cut to seconds, is ahead of our clock."""
    try:
        date = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return before
    if date.tzinfo is None:
        return before
    return round((date - datetime.now(UTC)).total_seconds() + 0.5, 3)


def pause(attempt: int, *, throttled: bool) -> float:
    """Seconds before the next attempt: exponential, fully jittered, bounded."""
    first = _FIRST_PAUSE_THROTTLED if throttled else _FIRST_PAUSE
    return random.uniform(first / 2, min(_LONGEST_PAUSE, first * 2.0**attempt))  # noqa: S311
