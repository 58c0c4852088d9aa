"""What CloudWatch told, by resource: the readings that summaries are made of, and points as the columns of a series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from backends.aws.metric_pages import results_of
from backends.aws.xml_elements import Elements
from backends.aws.xml_tokens import Ints, Irregular
from backends.model import Json, Kind

Floats = np.ndarray[Any, np.dtype[Any]]
Told = tuple[Ints, Floats]
"""Times, as datetime64[us], and a value for each."""
_NOTHING: Told = (np.zeros(0, dtype="datetime64[us]"), np.zeros(0))


class Readings:
    """What was told of one resource, by field, in the order told."""

    def __init__(self, told: Mapping[str, Told] | None = None) -> None:
        self.told = told or {}

    def values(self, name: str) -> Floats:
        """The values of a field, one a period."""
        return self.told.get(name, _NOTHING)[1]

    def periods(self, name: str) -> int:
        """How many periods were told of a field."""
        return len(self.values(name))

    def mean(self, name: str) -> float | None:
        """The mean of a field's values, None where there are none."""
        return round(float(self.values(name).mean()), 3) if self.periods(name) else None

    def most(self, name: str) -> float | None:
        """The largest of a field's values, None where there are none."""
        return round(float(self.values(name).max()), 3) if self.periods(name) else None

    def least(self, name: str) -> float | None:
        """The smallest of a field's values, None where there are none."""
        return round(float(self.values(name).min()), 3) if self.periods(name) else None

    def total(self, name: str) -> float:
        """The sum of a field's values."""
        return float(self.values(name).sum())

    def zeros(self, name: str) -> int:
        """In how many periods a field was zero."""
        return int(np.count_nonzero(self.values(name) == 0))

    def last(self, name: str) -> tuple[str | None, float | None]:
        """The last period told of a field, and its value there."""
        times, values = self.told.get(name, _NOTHING)
        if not len(times):
            return None, None
        place = np.lexsort((values, times))[-1]
        return _written(times[[place]])[0], float(values[place])

    def span(self, name: str) -> Json:
        """How many periods were told of a field, the first and the last."""
        times = self.told.get(name, _NOTHING)[0]
        first, last = _written(np.array([times.min(), times.max()])) if len(times) else (None, None)
        return {"Told": len(times), "From": first, "To": last}


def by_resource(pages: Sequence[Json]) -> dict[int, Readings]:
    """The readings of a request, by the place of the resource in it, which the ids of its queries end with."""
    found: defaultdict[int, defaultdict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for page in map(results_of, pages):
        lists = [_lists(page.column(name)) for name in ("Timestamps", "Values")]
        for row, id_ in enumerate(page.column("Id").to_pylist()):
            name, _, place = str(id_).rpartition("_")
            times, values = (items[bounds[row] : bounds[row + 1]] for bounds, items in lists)
            count = min(len(times), len(values))
            found[int(place)][name].append((times[:count], values[:count]))
    return {
        place: Readings({name: _joined(parts) for name, parts in fields.items()}) for place, fields in found.items()
    }


def _lists(column: pa.ListArray) -> tuple[Ints, Any]:
    return np.asarray(column.offsets), np.asarray(column.values)


def _joined(parts: Sequence[Told]) -> Told:
    if len(parts) == 1:
        return parts[0]
    times, values = zip(*parts, strict=True)
    return np.concatenate(times), np.concatenate(values)


def _written(times: Ints) -> list[str]:
    """Times as CloudWatch writes them: to the second, where they are whole ones."""
    whole = np.all(times == times.astype("datetime64[s]"))
    return [f"{text}Z" for text in np.datetime_as_string(times, unit="s" if whole else "us").tolist()]


@dataclass(frozen=True)
class Points:
    """One point of each resource and period, in order.

    times   datetime64[us]
    owner   of each point the place of its resource in `kept`, the fields of which it has
    fields  by name, a value for each point, NaN where none was told
    """

    times: Ints
    owner: Ints
    kept: Sequence[Json]
    fields: Mapping[str, Floats]

    @classmethod
    def of(cls, resources: Sequence[Json], kept: Sequence[str], told: Mapping[int, Readings]) -> Points:
        """The points of resources, by their place."""
        places = sorted(told)
        each = [[times for times, _ in told[place].told.values()] for place in places]
        times = [np.unique(np.concatenate(parts)) for parts in each]
        starts = np.cumsum([0, *map(len, times)], dtype=np.int64)
        fields: dict[str, Floats] = {}
        for number, place in enumerate(places):
            for name, (own, values) in told[place].told.items():
                column = fields.setdefault(name, np.full(int(starts[-1]), np.nan))
                column[starts[number] + np.searchsorted(times[number], own)] = values
        owner = np.repeat(np.arange(len(places)), np.diff(starts))
        own_fields = [{name: resources[place].get(name) for name in kept} for place in places]
        return cls(np.concatenate([_NOTHING[0], *times]), owner, own_fields, fields)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Json]:
        """The points as elements: the time under `At`, what its resource has, what was told."""
        return self._some(np.arange(len(self)))

    def _some(self, which: Ints) -> Iterator[Json]:
        written = _written(self.times[which])
        for at, place in zip(written, which.tolist(), strict=True):
            told = {name: float(values[place]) for name, values in self.fields.items() if not np.isnan(values[place])}
            yield self.kept[self.owner[place]] | {"At": at} | told

    def elements(self, kind: Kind, clean: Callable[[Json], Json], line: Callable[[Json], bytes]) -> Elements:
        """The points as columns. `clean` blanks secrets, `line` writes JSON.

        Irregular where a column is more than one of a point's own fields.
        """
        kept = [clean(own) for own in self.kept]
        columns = {column.name: self._column(column.path, column.type, kept) for column in kind.columns}

        def lines(mask: Ints | None = None) -> pa.Array:
            which = np.arange(len(self)) if mask is None else np.flatnonzero(mask)
            return pa.array([line(clean(element)) for element in self._some(which)], pa.binary())

        return Elements(columns, [], lines, {}, {})

    def _column(self, path: str, kind: str, kept: Sequence[Json]) -> pa.Array:
        if path == "At" and kind == "time":
            return pa.array(self.times)
        if path in self.fields and kind == "number":
            return pa.array(self.fields[path], from_pandas=True)
        texts = [own.get(path) for own in kept]
        if kind == "number" and not any(path in own for own in kept):
            return pa.nulls(len(self), pa.float64())
        if kind != "text" or not all(isinstance(text, str) for text in texts):
            raise Irregular
        return pa.array(texts, pa.utf8()).take(pa.array(self.owner))
