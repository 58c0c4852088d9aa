"""What AWS asks money for among the calls that polls make: the price list behind every `Kind.paid`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from backends.model import Json, Kind


@dataclass(frozen=True, slots=True)
class Price:
    """`usd` for each `per` of an operation ("*": all of the service's); `as_of` is when `source` was read."""

    service: str
    operation: str
    usd: float
    per: str
    source: str
    as_of: str


PRICES = (
    Price(
        "ce",
        "*",
        0.01,
        "request (each page is one)",
        "https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/",
        "2026-11",
    ),
    Price(
        "cloudwatch",
        "GetMetricData",
        0.01 / 1000,
        "metric asked for",
        "https://aws.amazon.com/cloudwatch/pricing/",
        "2026-11",
    ),
)


def price_of(service: str, operation: str) -> Price | None:
    """The price of an operation; None for what AWS does not charge for, as far as this list knows."""
    return next((p for p in PRICES if p.service == service and p.operation in ("*", operation)), None)


def charged(kind: Kind) -> list[Price]:
    """What the calls of a kind that are not free are charged by."""
    calls = [(call.service or kind.service, call.operation) for call in kind.calls if not call.free]
    return [price for service, operation in calls if (price := price_of(service, operation)) is not None]


def as_json() -> list[Json]:
    return [asdict(price) for price in PRICES]
