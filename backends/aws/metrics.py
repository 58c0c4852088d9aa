"""What a kind asks CloudWatch: metrics of the resources that the step before gives, in as few requests as AWS allows.

A kind of metrics is a step that lists resources, an `Asked`, and columns, most of them a `figure`. `Asked.summed` makes
one element of each resource, `Asked.points` one of each resource and period. GetMetricData takes 500 metrics a request
and gives 100,800 points a page; it is charged by the metric, so a request is never larger than its answer fits one
page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.aws.expressions import compiled
from backends.aws.paid_calls import price_of
from backends.model import Call, Column, Json

if TYPE_CHECKING:
    from backends.aws.readings import Readings

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
            # Not before it is needed: declarations are read by what needs no arrays.
            from backends.aws.readings import Readings, by_resource

            found = by_resource(pages)
            return [summary(resource, found.get(place) or Readings()) for place, resource in enumerate(resources)]

        return self._call(f"{{now-{self.days}d}}", answer)

    def points(self, *kept: str) -> Call:
        """The step that gives one element a resource and period, from the newest point known on.

        It has its time under `At`, each value under its field, and the fields `kept` of the resource.
        """

        def answer(resources: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
            from backends.aws.readings import Points, by_resource

            return Points.of(resources, kept, by_resource(pages))

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
