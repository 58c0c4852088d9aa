"""Daily costs by service: a weekly season, growth, two anomalies, and today's part growing with the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import exp

from backends.simulated import accounts
from backends.simulated.randomness import fraction, number

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
HISTORY_DAYS = 400

# service → (USD a day in production, growth a month, share that the weekend saves)
_SERVICES = {
    COMPUTE: (0.0, 0.012, 0.11),  # its size follows the fleet
    "EC2 - Other": (92.0, 0.018, 0.04),
    "Amazon Relational Database Service": (74.0, 0.006, 0.0),
    "Amazon Elastic Container Service for Kubernetes": (14.4, 0.0, 0.0),
    "Amazon Elastic Load Balancing": (11.5, 0.01, 0.06),
    "Amazon Simple Storage Service": (38.0, 0.03, 0.01),
    "AmazonCloudWatch": (19.0, 0.02, 0.08),
    "Amazon Virtual Private Cloud": (16.5, 0.004, 0.05),
    "AWS Lambda": (6.2, 0.04, 0.25),
    "Amazon DynamoDB": (9.1, 0.015, 0.12),
    "AWS Key Management Service": (2.4, 0.0, 0.02),
    "Amazon Route 53": (1.1, 0.0, 0.0),
}
_SANDBOX_SHARE = 0.16
# (account, service, days before the start, days long, factor): what a detector should find
ANOMALIES = (
    (accounts.PRODUCTION.id, "AmazonCloudWatch", 23, 2, 3.4),
    (accounts.PRODUCTION.id, "EC2 - Other", 8, 4, 1.75),
)


class Bills:
    """Costs of both accounts. Days before the start are a formula; from then on the fleet's own rate counts too."""

    def __init__(self, seed: int, start: datetime) -> None:
        self.seed, self.start = seed, start
        self._baseline: dict[str, float] = {}
        self._extra: dict[tuple[str, date], float] = {}

    def set_baseline(self, account: str, hourly: float) -> None:
        """What the fleet costs per hour at the start: the ordinary size of compute."""
        self._baseline[account] = hourly

    def accrue(self, account: str, at: float, hourly: float) -> None:
        """One minute passed at that rate: what it is above (or below) the ordinary goes on the day's bill."""
        day = datetime.fromtimestamp(at, self.start.tzinfo).date()
        key = account, day
        self._extra[key] = self._extra.get(key, 0.0) + (hourly - self._baseline[account]) / 60

    def services(self) -> tuple[str, ...]:
        return tuple(_SERVICES)

    def cost(self, account: str, service: str, day: date, now: datetime) -> float:
        """USD of a service on a day, as known at `now`; 0 for days to come or too long ago."""
        whole = self._whole(account, service, day)
        midnight = datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)
        passed = min(max((now - midnight) / timedelta(days=1), 0.0), 1.0)
        extra = self._extra.get((account, day), 0.0) if service == COMPUTE else 0.0
        return max(round(whole * passed + extra, 10), 0.0)

    def _whole(self, account: str, service: str, day: date) -> float:
        ago = (self.start.date() - day).days
        if ago > HISTORY_DAYS:
            return 0.0
        base, growth, weekend = _SERVICES[service]
        if account != accounts.PRODUCTION.id:
            base *= _SANDBOX_SHARE * (0.6 + 0.8 * fraction(self.seed, "share", account, service))
        if service == COMPUTE:
            base = self._baseline.get(account, 0.0) * 24
        value = base * exp(-growth * ago / 30)
        if day.weekday() >= 5:
            value *= 1 - weekend
        elif day.weekday() == 0:
            value *= 1.015
        noise = sum(fraction(self.seed, account, service, day, part) for part in range(4)) / 2 - 1
        value *= 1 + 0.03 * noise
        if service == "Amazon Simple Storage Service" and day.day == 1:
            value *= 1.06  # inventory runs on the first of the month
        for owner, name, back, days, factor in ANOMALIES:
            if (owner, name) == (account, service) and 0 <= back - ago < days:
                value *= factor
        return value

    def usage(self, account: str, service: str, day: date) -> float:
        """A usage quantity to go with it, in no unit that means anything, as in AWS when services are mixed."""
        return round(100 + number(self.seed, "usage", account, service, day) % 10_000 / 7, 4)
