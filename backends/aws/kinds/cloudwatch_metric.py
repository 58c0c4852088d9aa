"""CloudWatch: the metrics of resources that somebody looks at, minute by minute, as points of a series."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backends.aws.metrics import Asked, Metric
from backends.model import Column, Json, Kind, Series

MOST_METRICS = 500
"""How many metrics AWS takes in a request."""
PERIOD = 60


@dataclass(frozen=True, slots=True)
class _Wanted(Metric):
    """The metric that an element names (see `backends.aws.watched`)."""

    def query(self, resource: Json, place: int, period: int) -> Json:
        dimensions = [{"Name": name, "Value": value} for name, value in resource["Dimensions"].items()]
        metric = {"Namespace": resource["Namespace"], "MetricName": resource["Name"], "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period, "Stat": resource["Statistic"]}
        return {"Id": f"{self.field}_{place}", "MetricStat": stat}


_ASKED = replace(
    Asked((_Wanted("value", "", "", "", {}),), PERIOD, days=1).points("Resource", "Metric", "Unit"),
    # Whoever asks sees to it that the answer fits one page. To a minute that has just ended CloudWatch may still add.
    batch=MOST_METRICS,
    parameters={"StartTime": "{since}", "EndTime": "{now-2m}"},
)

METRIC = Kind(
    name="cloudwatch.metric",
    title="Metrics looked at",
    service="cloudwatch",
    calls=(_ASKED,),
    key=("resource", "metric"),
    columns=(
        Column("resource", "Resource", help="The resource, as kind@account/region/id.", narrow=True),
        Column("metric", "Metric", help="CloudWatch's name of the metric, and the statistic.", narrow=True),
        Column("value", "value", "number", help="The newest value.", volatile=True, narrow=True),
        Column("at", "At", "time", help="When the period of that value began.", volatile=True, narrow=True),
        Column("unit", "Unit", help="What the value is measured in; empty for a count."),
    ),
    cadence=PERIOD,
    series=Series("metric", "at", "value", lookback_days=1),
    closes=False,
    paid=0.01 / 1000 * MOST_METRICS,
    on_demand=True,
    sort="resource",
    help="Metrics of what somebody looks at, by the minute or as CloudWatch publishes them, from GetMetricData: asked "
    "for while the detail of a resource is open, or by `quarterdeck metrics`, at most once a minute. 0.01 USD for a "
    "thousand metrics.",
)
