"""Own token buckets per (account, region, service, operation), so that AWS's are never emptied by us.

AWS shares its limits among all that call in an account: an autoscaler starved by a console is an outage. Of the rates
below only a share is taken; a throttled answer halves the rate, quiet time restores it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backends.reach import SHARE


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` requests on average, `burst` at once."""

    per_second: float
    burst: int


DEFAULT_RATE = Rate(10, 20)
RATES: dict[str, Rate] = {
    # Documented by AWS, or found by peers to be kept to: see the service's own page on quotas or throttling.
    "ec2": Rate(10, 50),
    "iam": Rate(15, 30),
    "iam:GetPolicy": Rate(35, 70),
    "iam:ListEntitiesForPolicy": Rate(40, 80),
    "cloudtrail": Rate(2, 2),
    "service-quotas": Rate(5, 10),
    "route53": Rate(5, 10),
    "cloudfront": Rate(5, 10),
    # Nothing is documented, or much more: what is enough for us.
    "iam:GetAccountAuthorizationDetails": Rate(4, 10),
    "ec2:DescribeSpotPriceHistory": Rate(20, 60),
    "eks": Rate(10, 40),
    "ce": Rate(1, 6),
    "cloudwatch": Rate(20, 20),
    "sts": Rate(20, 40),
    "organizations": Rate(4, 10),
}
_FLOOR = 1 / 16
_RESTORE_SECONDS = 60.0
_TOGETHER_SECONDS = 0.25
_GATHER_SECONDS = 0.5


def rate_of(service: str, operation: str) -> Rate:
    """The rate of an operation, else of its service, else the default; the share of it that is taken is not applied."""
    return RATES.get(f"{service}:{operation}") or RATES.get(service) or DEFAULT_RATE


class Bucket:
    """One token bucket; `wait` gives a token in the order asked.

    Of several that wait, the first waits up to half a second longer so that they go together: answers that come at
    once cost a fifth less to read than those that find a process asleep.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        share: float = SHARE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate.per_second * share
        self._burst = max(1.0, rate.burst * share)
        self._tokens = self._burst
        self._clock, self._sleep = clock, sleep
        self._filled = clock()
        self._factor = 1.0
        self._throttled: float | None = None
        self._closed_until = 0.0
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def wait(self) -> float:
        """Waits for a token; gives the seconds waited."""
        waited = 0.0
        self._waiting += 1
        try:
            async with self._lock:
                self._fill()
                while self._tokens < 1 or self._filled < self._closed_until:
                    rate = self._rate * self._factor
                    missing = min(self._waiting, 1 + rate * _GATHER_SECONDS, self._burst) - self._tokens
                    pause = max(missing / rate, self._closed_until - self._filled, 0.001)
                    await self._sleep(pause)
                    waited += pause
                    self._fill()
                self._tokens -= 1
        finally:
            self._waiting -= 1
        return waited

    def throttled(self) -> None:
        """AWS said "too fast": half the rate and nothing saved up. What was under way together counts once."""
        self._fill()
        if self._throttled is None or self._filled - self._throttled >= _TOGETHER_SECONDS:
            self._factor = max(self._factor / 2, _FLOOR)
        self._tokens = min(self._tokens, 0.0)
        self._throttled = self._filled

    def close(self, seconds: float) -> None:
        """AWS said when to come again: nothing goes before, whoever asks."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _fill(self) -> None:
        now = self._clock()
        if self._throttled is not None and now - self._throttled >= _RESTORE_SECONDS:
            self._factor = min(1.0, self._factor * 2)
            self._throttled = now if self._factor < 1 else None
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate * self._factor)
        self._filled = now


class Throttle:
    """The buckets of every (account, region, service, operation) met so far."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}

    def bucket(self, account: str, region: str, service: str, operation: str) -> Bucket:
        key = (account, region, service, operation)
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket(rate_of(service, operation), share=self._share)
        return found
