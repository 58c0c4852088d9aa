"""From when a series is read again: never from what was imported meanwhile, which AWS did not tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backends.aws.kinds import KINDS
from backends.daemon.events import Events
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.sweeping import Sweeps
from backends.daemon.triples import Triple

PRICES = next(kind for kind in KINDS if kind.name == "spot.price")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Newest:
    """Lanes over a store whose newest point is from that instant."""

    def __init__(self, at: datetime | None) -> None:
        self.at = at

    async def read(self, work: Any) -> Any:
        return work(self)

    def newest_point(self, series: str, region: str) -> datetime | None:
        return self.at


@pytest.mark.parametrize(
    ("last_good", "newest_polled", "newest_stored", "since"),
    [
        (None, None, NOON, None),
        (NOON, None, NOON - timedelta(hours=1), NOON - timedelta(hours=1)),
        (NOON, None, NOON + timedelta(hours=5), NOON),
        (NOON, NOON - timedelta(hours=2), NOON + timedelta(hours=5), NOON - timedelta(hours=2)),
        (NOON, None, None, None),
    ],
)
async def test_a_series_is_read_on_from_where_polling_got_to(
    last_good: datetime | None, newest_polled: datetime | None, newest_stored: datetime | None, since: datetime | None
) -> None:
    lanes: Any = Newest(newest_stored)
    nothing: Any = None
    sweeps = Sweeps(lanes, Events(), nothing, nothing, LoopWatch())
    triple = Triple("111122223333", "eu-west-1", PRICES, last_good=last_good, newest=newest_polled)
    assert await sweeps._since(triple) == since
