"""What a kind asks CloudWatch: metrics of the resources that the step before gives, in as few requests as AWS allows.

A kind of metrics is a step that lists resources, an `Asked`, and columns, most of them a `figure`. `Asked.summed` makes
one element of each resource, `Asked.points` one of each resource and period. GetMetricData takes 500 metrics a request
and gives 100,800 points a page; it is charged by the metric, so a request is never larger than its answer fits one
page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backends.aws.expressions import compiled
from backends.aws.paid_calls import price_of
from backends.model import Call, Column, Json

_MOST_METRICS, _MOST_POINTS = 500, 100_800
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of every resource.

    field       under which its values reach the summary, or its value the point
    namespace, name, statistic  AWS's own
    dimensions  dimension's name → JMESPath into the resource's element
    when        JMESPath: it is asked for only where this gives true; "" for everywhere
    """

    field: str
    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]
    when: str = ""

    def query(self, resource: Json, place: int, period: int) -> Json | None:
        """The query about one resource, None where it has no such metric."""
        if self.when and not compiled(self.when)(resource):
            return None
        dimensions = [{"Name": name, "Value": compiled(path)(resource)} for name, path in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period, "Stat": self.statistic}
        return {"Id": f"{self.field}_{place}", "MetricStat": stat}


@dataclass(slots=True)
class Readings:
    """What CloudWatch told of one resource: values, and times as it wrote them, by field."""

    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    times: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def mean(self, name: str) -> float | None:
        """The mean of a field's values, None where there are none."""
        values = self.values[name]
        return round(sum(values) / len(values), 3) if values else None

    def most(self, name: str) -> float | None:
        """The largest of a field's values, None where there are none."""
        return round(max(self.values[name]), 3) if self.values[name] else None

    def least(self, name: str) -> float | None:
        """The smallest of a field's values, None where there are none."""
        return round(min(self.values[name]), 3) if self.values[name] else None

    def total(self, name: str) -> float:
        """The sum of a field's values."""
        return sum(self.values[name])

    def span(self, name: str) -> Json:
        """How many periods were told of a field, the first and the last."""
        times = self.times[name]
        return {"Told": len(times), "From": min(times, default=None), "To": max(times, default=None)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Metrics by the `period` in seconds over the last `days`, from all resources of the step before."""

    metrics: tuple[Metric, ...]
    period: int
    days: int

    @property
    def batch(self) -> int:
        """How many resources one request asks about."""
        each = len(self.metrics)
        return min(_MOST_METRICS // each, _MOST_POINTS // (each * self.days * _DAY // self.period))

    @property
    def price(self) -> float:
        """USD a full request."""
        return round(_price(self.batch * len(self.metrics)), 6)

    def summed(self, summary: Callable[[Json, Readings], Json]) -> Call:
        """The step that gives one element a resource: what `summary` makes of its element and its readings."""

        def answer(resources: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
            found = _by_resource(pages)
            return [summary(resource, found[place]) for place, resource in enumerate(resources)]

        return self._call(f"{{now-{self.days}d}}", answer)

    def points(self, *kept: str) -> Call:
        """The step that gives one element a resource and period, from the newest point known on.

        It has its time under `At`, each value under its field, and the fields `kept` of the resource.
        """

        def answer(resources: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
            for place, readings in sorted(_by_resource(pages).items()):
                points: defaultdict[str, Json] = defaultdict(dict)
                for name, times in readings.times.items():
                    for time, value in zip(times, readings.values[name], strict=True):
                        points[str(time)] |= {"At": time, name: value}
                own = {name: resources[place].get(name) for name in kept}
                yield from (own | points[time] for time in sorted(points))

        return self._call("{since}", answer)

    def _call(self, start: str, answer: Callable[[Sequence[Json], Sequence[Json]], Iterable[Json]]) -> Call:
        return Call(
            "GetMetricData",
            "MetricDataResults",
            service="cloudwatch",
            parameters={"StartTime": start, "EndTime": "{now}"},
            batch=self.batch,
            ask=self._ask,
            answer=answer,
            charged=_charged,
        )

    def _ask(self, resources: Sequence[Json]) -> Json:
        queries = (
            metric.query(resource, place, self.period)
            for place, resource in enumerate(resources)
            for metric in self.metrics
        )
        return {"MetricDataQueries": [query for query in queries if query is not None]}


def _charged(parameters: Json) -> float:
    return _price(len(parameters["MetricDataQueries"]))


def _price(metrics: int) -> float:
    price = price_of("cloudwatch", "GetMetricData")
    assert price is not None, "the price list names it"
    return metrics * price.usd


def figure(name: str, path: str, help: str, unit: str = "", *, title: str = "", narrow: bool = False) -> Column:
    """A column for what comes of readings: a number that makes no history."""
    return Column(name, path, "number", help=help, unit=unit, title=title, volatile=True, narrow=narrow)


def told(period: str) -> tuple[Column, ...]:
    """The columns of `Readings.span`; `period` is "hour" or "day"."""
    unit = period[0]
    return (
        Column(
            f"{period}s",
            "Told",
            "integer",
            help=f"{period.title()}s that CloudWatch tells of.",
            unit=unit,
            volatile=True,
        ),
        Column(f"first_{period}", "From", "time", help=f"The first {period} told of.", volatile=True),
        Column(f"last_{period}", "To", "time", help=f"The last {period} told of.", volatile=True),
    )


def _by_resource(pages: Sequence[Json]) -> defaultdict[int, Readings]:
    """The readings of a request, by the place of the resource in it."""
    found: defaultdict[int, Readings] = defaultdict(Readings)
    for page in pages:
        for result in page.get("MetricDataResults", []):
            name, _, place = str(result["Id"]).rpartition("_")
            values, times = result.get("Values", []), result.get("Timestamps", [])
            readings = found[int(place)]
            readings.values[name] += values[: len(times)]
            readings.times[name] += times[: len(values)]
    return found
