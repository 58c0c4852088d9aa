"""What stands in request parameters for when and where: "{now}", "{today+1d}", "{since:day}", "{account}"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.model import Kind

_INSTANT = re.compile(r"\{(now|today|since)(?:([+-]\d+)([dhm]))?(:day)?\}")
_PLACE = re.compile(r"\{(account|region)\}")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Instants:
    """What the names stand for in one sweep; instants are UTC with zone."""

    now: datetime
    since: datetime
    account: str = ""
    region: str = ""

    @classmethod
    def of(cls, kind: Kind, now: datetime, since: datetime | None, account: str = "", region: str = "") -> Instants:
        """Those of a sweep of `kind` where `since` is the newest point, or the last good sweep, known."""
        if since is None:
            days = kind.window.first_days if kind.window else kind.series.lookback_days if kind.series else 0
            return cls(now, now - timedelta(days=days), account, region)
        known = since if since.tzinfo else since.replace(tzinfo=UTC)
        again = kind.window
        if again is not None:
            known -= timedelta(days=again.again_days, minutes=again.again_minutes)
        return cls(now, known, account, region)

    def fill(self, value: Any) -> Any:
        """`value` with every instant and place in its texts written out; maps and lists are walked."""
        if isinstance(value, str):
            value = _PLACE.sub(lambda found: self.account if found[1] == "account" else self.region, value)
            return _INSTANT.sub(self._written, value)
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        return value

    def _written(self, found: re.Match[str]) -> str:
        name, amount, unit, day = found.groups()
        instant = self.since if name == "since" else self.now
        if amount:
            instant += timedelta(**{_UNITS[unit]: int(amount)})
        instant = instant.astimezone(UTC)
        return instant.strftime("%Y-%m-%d" if day or name == "today" else "%Y-%m-%dT%H:%M:%SZ")
