"""What is asked of AWS and what it costs: since the daemon began, today and this month, against a budget for a day.

Days are UTC's. What is counted goes to the store within seconds, what cost money at once, so that a restart forgets
neither.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta

from backends.aws import paid_calls
from backends.daemon.cadence import PER_DAY
from backends.daemon.lanes import Lanes
from backends.model import Coverage, CoverageState, Json, Kind
from backends.store import StoreError, utcnow
from backends.store.spending import FIGURES

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 5.0
_SCARCE = 0.2
_Key = tuple[str, str, str]
"""(account, service, operation)"""


class Ledger:
    """The figures of one daemon. `load` before use, `close` before the store's lanes close."""

    def __init__(self, lanes: Lanes, per_day: float = PER_DAY, now: Callable[[], datetime] = utcnow) -> None:
        self._lanes = lanes
        self.per_day = per_day
        self._now = now
        self._since = now()
        self._counted: dict[_Key, Json] = {}
        self._unwritten: dict[tuple[date, _Key], Json] = {}
        self._days: dict[tuple[date, str], float] = {}
        """USD of this month by day and account."""
        self._due: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """What earlier daemons spent this month."""
        first = self._now().date().replace(day=1)
        for row in await self._lanes.read(lambda reader: reader.spent(first)):
            self._pay(row["day"], row["account"], row["cost"])

    def add(self, account: str, operations: Iterable[Json]) -> None:
        """A piece of work in an account has ended; each operation says what it cost (see `backends.aws.requests`)."""
        day, cost = self._now().date(), 0.0
        for row in operations:
            key = account, row["service"], row["operation"]
            for figures in (self._counted.setdefault(key, {}), self._unwritten.setdefault((day, key), {})):
                for name in FIGURES:
                    figures[name] = figures.get(name, 0) + row.get(name, 0)
            cost += row["cost"]
        self._pay(day, account, cost)
        self._write_soon(0.0 if cost else _FLUSH_SECONDS)

    def _pay(self, day: date, account: str, cost: float) -> None:
        if cost:
            self._days[day, account] = self._days.get((day, account), 0.0) + cost

    # -- the budget ---------------------------------------------------------------------------------------------------

    def today(self, account: str) -> float:
        """USD spent in an account today."""
        return self._days.get((self._now().date(), account), 0.0)

    def left(self, account: str) -> float:
        """USD that may still be spent in an account today."""
        return max(0.0, self.per_day - self.today(account))

    def scarce(self, account: str) -> bool:
        """Whether so little is left for today that two polls at once might exceed it."""
        return self.left(account) < self.per_day * _SCARCE

    def refusal(self, kind: Kind, account: str, region: str) -> Coverage | None:
        """How a poll that costs money ends before it began where today's budget does not allow for one more request."""
        if not kind.paid or kind.paid <= self.left(account) + 1e-9:
            return None
        problem = (
            f"Not polled: {self.today(account):.2f} of today's {self.per_day:.2f} USD for account {account} are spent, "
            "and one request more would exceed them; polling goes on at 00:00 UTC (per_day under [costs])."
        )
        return Coverage(account, region, kind.name, CoverageState.DISABLED, problem)

    def until_tomorrow(self) -> float:
        """Seconds until the next budget."""
        now = self._now()
        return (datetime.combine(now.date() + timedelta(days=1), time(), UTC) - now).total_seconds()

    # -- what is told -------------------------------------------------------------------------------------------------

    def operations(self) -> list[Json]:
        """Since the daemon began: a row for each account, service and operation."""
        return [_row(key, figures) for key, figures in sorted(self._counted.items())]

    def summed(self) -> list[Json]:
        """The same of all accounts together."""
        sums: dict[tuple[str, str], Json] = {}
        for (_, service, operation), figures in self._counted.items():
            whole = sums.setdefault((service, operation), dict.fromkeys(FIGURES, 0))
            for name in FIGURES:
                whole[name] += figures[name]
        return [
            {"service": service, "operation": operation, **_rounded(figures)}
            for (service, operation), figures in sorted(sums.items())
        ]

    def costs(self) -> Json:
        """`per_day` (USD for an account), by account what was spent `today` and this `month`, and the price list."""
        day = self._now().date()
        accounts = sorted({account for moment, account in self._days if _same_month(moment, day)})
        spent = [
            {
                "account": account,
                "today": round(self.today(account), 9),
                "month": round(
                    sum(usd for (d, a), usd in self._days.items() if a == account and _same_month(d, day)), 9
                ),
            }
            for account in accounts
        ]
        return {"per_day": self.per_day, "day": day.isoformat(), "spent": spent, "prices": paid_calls.as_json()}

    # -- the store ----------------------------------------------------------------------------------------------------

    def _write_soon(self, seconds: float) -> None:
        if self._due is not None:
            if seconds:
                return
            # Money waits for nobody: what is waiting goes with it.
            self._due.cancel()
        self._due = asyncio.get_running_loop().call_later(seconds, self._write)

    def _write(self) -> None:
        self._due = None
        task = asyncio.get_running_loop().create_task(self.flush())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def flush(self) -> None:
        """Write what has been counted since the last time; what could not be written is tried again with the next."""
        rows, self._unwritten = self._unwritten, {}
        told = [{"day": day, **_row(key, figures)} for (day, key), figures in rows.items()]
        if not told:
            return
        try:
            await self._lanes.write(lambda store: store.add_spent(told))
        except StoreError:
            log.exception("Writing what was asked of AWS")
            for at, figures in rows.items():
                whole = self._unwritten.setdefault(at, {})
                for name in FIGURES:
                    whole[name] = whole.get(name, 0) + figures[name]

    async def close(self) -> None:
        """Write the rest."""
        if self._due is not None:
            self._due.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)
        await self.flush()


def _row(key: _Key, figures: Json) -> Json:
    account, service, operation = key
    return {"account": account, "service": service, "operation": operation, **_rounded(figures)}


def _rounded(figures: Json) -> Json:
    return figures | {"seconds": round(figures["seconds"], 4), "cost": round(figures["cost"], 9)}


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)
