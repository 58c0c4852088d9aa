"""Which metrics of CloudWatch one resource has, by its kind's declaration and its own element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backends.aws.expressions import compiled
from backends.model import Json, Kind, Ref, Watched


def metrics_of(kind: Kind, element: Json) -> Iterator[tuple[Watched, Mapping[str, str]]]:
    """The metrics that a resource has, each with its dimensions."""
    for watched in kind.watched:
        if watched.when and not compiled(watched.when)(element):
            continue
        dimensions = {name: compiled(path)(element) for name, path in watched.dimensions.items()}
        if all(isinstance(value, str) and value for value in dimensions.values()):
            yield watched, dimensions


def wanted(ref: Ref, kind: Kind, element: Json) -> list[Json]:
    """What a sweep of `cloudwatch.metric` is asked about for a resource: an element for each of its metrics."""
    return [
        {
            "Resource": str(ref),
            "Metric": watched.id,
            "Unit": watched.unit,
            "Namespace": watched.namespace,
            "Name": watched.name,
            "Statistic": watched.statistic,
            "Dimensions": dimensions,
        }
        for watched, dimensions in metrics_of(kind, element)
    ]
