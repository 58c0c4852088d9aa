"""What AWS asks money for among the calls that polls make: the price list behind every `Kind.paid`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from backends.model import Json, Kind


@dataclass(frozen=True, slots=True)
class Price:
    """`usd` for each `per` of an operation ("*": all others of the service's); `as_of` is when `source` said so.

    `paced` is False for cents in ten thousand requests: they are counted, and nothing is polled less often for them.
    Free tiers are not taken off: whether others in the account have used them up is not known here.
    """

    service: str
    operation: str
    usd: float
    per: str
    source: str
    as_of: str
    paced: bool = True


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
    Price("sqs", "*", 0.40 / 1_000_000, "request", "https://aws.amazon.com/sqs/pricing/", "2026-06", paced=False),
    Price(
        "secretsmanager",
        "*",
        0.05 / 10_000,
        "request",
        "https://aws.amazon.com/secrets-manager/pricing/",
        "2026-06",
        paced=False,
    ),
    Price("s3", "ListBuckets", 0.005 / 1000, "request", "https://aws.amazon.com/s3/pricing/", "2026-06", paced=False),
    Price("s3", "*", 0.0004 / 1000, "request", "https://aws.amazon.com/s3/pricing/", "2026-06", paced=False),
)


def counted(service: str, operation: str) -> float:
    """USD of a request that is only counted; 0 for all others, those that polls are paced for too."""
    price = price_of(service, operation)
    return price.usd if price is not None and not price.paced else 0.0


def price_of(service: str, operation: str) -> Price | None:
    """The price of an operation; None for what AWS does not charge for, as far as this list knows."""
    return next((p for p in PRICES if p.service == service and p.operation in ("*", operation)), None)


def charged(kind: Kind) -> list[Price]:
    """What the calls of a kind that are not free are charged by."""
    calls = [(call.service or kind.service, call.operation) for call in kind.calls if not call.free]
    return [price for service, operation in calls if (price := price_of(service, operation)) is not None]


def as_json() -> list[Json]:
    return [asdict(price) for price in PRICES]
