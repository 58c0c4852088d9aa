"""EC2's spot market: price history and placement scores, from the living market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.market import Market, Point

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PAGE = 1000
_LONGEST = timedelta(days=90)
_KEEP = 12
_kept: dict[tuple[Any, ...], list[Point]] = {}
_CONFIGURATIONS_A_DAY = 30
_configurations: dict[str, dict[str, datetime]] = {}


@answers("ec2", "DescribeSpotPriceHistory")
def describe_spot_price_history(simulation: Simulation, request: wire.Request) -> wire.Reply:
    """Change points, newest first. A start in the past also brings the price in force then; `now` only that one."""
    given = wire.parameters(request)
    now = simulation.clock.now()
    end = min(_utc(given.get("EndTime")) or now, now)
    start = max(_utc(given.get("StartTime")) or now, now - _LONGEST)
    points = _points(simulation, request, given, min(start, now).timestamp(), end.timestamp())
    offset = _offset(given.get("NextToken"))
    size = min(max(given.get("MaxResults") or _PAGE, 1), _PAGE)
    page = points[offset : offset + size]
    token = f"after-{offset + size}" if offset + size < len(points) else ""
    # Written by hand: thousands of small elements take moto's serializer seconds.
    items = "".join(_item(point, request.account) for point in page)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<DescribeSpotPriceHistoryResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>simulated</requestId><spotPriceHistorySet>{items}</spotPriceHistorySet>"
        f"<nextToken>{token}</nextToken></DescribeSpotPriceHistoryResponse>"
    )
    return wire.Reply(200, [("Content-Type", "text/xml;charset=UTF-8")], body.encode())


def _item(point: Point, account: str) -> str:
    market = point.market
    return (
        f"<item><instanceType>{market.instance_type}</instanceType>"
        f"<productDescription>{escape(market.product)}</productDescription>"
        f"<spotPrice>{point.price:.6f}</spotPrice>"
        f"<timestamp>{datetime.fromtimestamp(point.at, UTC):%Y-%m-%dT%H:%M:%S}.000Z</timestamp>"
        f"<availabilityZone>{accounts.zone_name(account, market.zone_id)}</availabilityZone>"
        f"<availabilityZoneId>{market.zone_id}</availabilityZoneId></item>"
    )


def _points(
    simulation: Simulation, request: wire.Request, given: dict[str, Any], start: float, end: float
) -> list[Point]:
    """The wanted points, newest first. The pages of one question share them: nothing is added within a minute."""
    question = tuple(sorted((k, v) for k, v in request.query.items() if k not in ("NextToken", "MaxResults")))
    key = (request.account, request.region, simulation.world.minute, question)
    if key not in _kept:
        while len(_kept) >= _KEEP:
            _kept.pop(next(iter(_kept)))
        points = [
            point
            for market in simulation.market.markets.values()
            if market.region == request.region and _wants_market(market, given, request.account)
            for point in market.points(start, end)
            if _wants_point(point, given)
        ]
        points.sort(key=lambda p: (-p.at, p.market.instance_type, p.market.zone_id, p.market.product))
        _kept[key] = points
    return _kept[key]


def _wants_market(market: Market, given: dict[str, Any], account: str) -> bool:
    name = accounts.zone_name(account, market.zone_id)
    if given.get("InstanceTypes") and market.instance_type not in given["InstanceTypes"]:
        return False
    if given.get("ProductDescriptions") and market.product not in given["ProductDescriptions"]:
        return False
    if given.get("AvailabilityZone") not in (None, name):
        return False
    if given.get("AvailabilityZoneId") not in (None, market.zone_id):
        return False
    fields = {
        "instance-type": market.instance_type,
        "product-description": market.product,
        "availability-zone": name,
        "availability-zone-id": market.zone_id,
    }
    return _passes(given, fields, set(fields))


def _wants_point(point: Point, given: dict[str, Any]) -> bool:
    if not given.get("Filters"):
        return True
    at = f"{datetime.fromtimestamp(point.at, UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    return _passes(given, {"spot-price": f"{point.price:.6f}", "timestamp": at}, {"spot-price", "timestamp"})


def _passes(given: dict[str, Any], fields: dict[str, str], names: set[str]) -> bool:
    """Whether the filters of those names let the fields through."""
    return all(
        any(fnmatchcase(fields[wanted["Name"]], pattern) for pattern in wanted.get("Values", []))
        for wanted in given.get("Filters") or []
        if wanted["Name"] in names
    )


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _offset(token: str | None) -> int:
    if not token:
        return 0
    number = token.removeprefix("after-")
    if number == token or not number.isdigit():
        raise wire.AwsError("InvalidNextToken", f"The token '{token}' is invalid")
    return int(number)


@answers("ec2", "GetSpotPlacementScores")
def get_spot_placement_scores(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """1 to 10 for the whole request, per region or zone: few types or a dried-up pool score low."""
    given = wire.parameters(request)
    _count_configuration(simulation, request.account, given)
    types = given.get("InstanceTypes") or sorted({m.instance_type for m in simulation.market.markets.values()})
    regions = [name for name in given.get("RegionNames") or accounts.REGIONS if name in accounts.REGIONS]
    single = bool(given.get("SingleAvailabilityZone"))
    scores: list[dict[str, Any]] = []
    for region in regions:
        zones = [_score(simulation, zone, types, given.get("TargetCapacity", 1)) for zone in accounts.zone_ids(region)]
        if single:
            pairs = zip(accounts.zone_ids(region), zones, strict=True)
            scores += [{"Region": region, "AvailabilityZoneId": zone, "Score": score} for zone, score in pairs]
        else:
            scores.append({"Region": region, "Score": min(10, max(zones) + 1)})
    scores.sort(key=lambda score: (-score["Score"], score["Region"]))
    return {"SpotPlacementScores": scores[:10]}


def _count_configuration(simulation: Simulation, account: str, given: dict[str, Any]) -> None:
    """AWS answers what was asked before, and only so many new questions in a day."""
    names = ("InstanceTypes", "TargetCapacity", "SingleAvailabilityZone", "RegionNames")
    configuration = repr([sorted(value) if isinstance(value := given.get(name), list) else value for name in names])
    now = simulation.clock.now()
    known = _configurations.setdefault(account, {})
    recent = [name for name, at in known.items() if at > now - timedelta(days=1)]
    if configuration not in known and len(recent) >= _CONFIGURATIONS_A_DAY:
        message = "You have reached the limit of new Spot placement score configurations for the last 24 hours."
        raise wire.AwsError("MaxConfigLimitExceeded", message)
    known.setdefault(configuration, now)


def _score(simulation: Simulation, zone_id: str, types: list[str], capacity: int) -> int:
    """How easily a zone would give that capacity: cheap relative to on demand means much to give."""
    now = simulation.clock.now().timestamp()
    room = 0.0
    for kind in types:
        for market in simulation.market.markets.values():
            if (market.zone_id, market.instance_type) != (zone_id, kind) or simulation.world.dry(zone_id, kind):
                continue
            room += 1 - market.price(now) / market.on_demand
    breadth = room * (0.6 if len(types) < 3 else 1.0)
    return max(1, min(10, round(10 * breadth / (breadth + 0.4 + capacity / 200))))
