"""What the daemon's worker answers about demand: group metrics in, the size that each group will need out.

Frames in: "load" (arn, at, cpu, in_service: points of group_load) and "autoscaling.group" (account, region, name, arn,
desired, min, max, eks_cluster, eks_nodegroup). Parameters: `target` (% CPU), `group` ("" for
all; else a name, region/name or account/region/name; the one group that it names has its week told hour by hour).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from analytics.demand.forecast import HORIZONS, STEPS_A_DAY, WEEK, Demand, Model, forecast

_STEP = timedelta(minutes=15)
_TIME = pl.Datetime("us")

GROUP_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("account", "region", "name", "eks_cluster", "eks_nodegroup"), pl.String),
    **dict.fromkeys(("desired", "min", "max"), pl.Int64),
    "at": _TIME,
    "now": pl.Float64,
    **{
        f"{what}_{steps}": kind
        for steps in HORIZONS.values()
        for what, kind in {
            **{"need": pl.Float64, "low": pl.Float64, "high": pl.Float64, "size": pl.Int64, "model": pl.String},
            **{"naive": pl.Float64, "seasonal": pl.Float64, "skill": pl.Float64, "skill_seasonal": pl.Float64},
            "origins": pl.Int64,
        }.items()
    },
    "beyond": pl.String,
    "unknown": pl.String,
}
"""One row a group. `now` is what it needed at `at`, instances at the target utilisation; for 1, 96 and 672 quarters of
an hour ahead what it will need with its 80 % interval, the `size` that covers nine in ten outcomes within its bounds,
the `model` shown there, what naive and the seasonal naive (a week, else a day before) say, and the mean skill up to
there of the model shown and of the seasonal naive over `origins`. `beyond` says if a bound of the group is in the way.
"""

PATH_SCHEMA: dict[str, pl.DataType] = {
    "at": pl.Datetime("us"),
    **dict.fromkeys(("need", "low", "high", "naive", "day", "week", "profile"), pl.Float64()),
}


def demand(frames: Mapping[str, pl.DataFrame], parameters: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Each group's need in a line ("groups"); where one was asked for and is the only one, its "path" and "scores"."""
    target, wanted = float(parameters["target"]), str(parameters.get("group", ""))
    groups = frames.get("autoscaling.group", pl.DataFrame())
    load = frames.get("load", pl.DataFrame())
    rows: list[dict[str, Any]] = []
    path, scores = pl.DataFrame(schema=PATH_SCHEMA), pl.DataFrame(schema=SCORE_SCHEMA)
    points = {str(arn): part for (arn,), part in load.group_by("arn")} if load.height else {}
    meant = [group for group in groups.iter_rows(named=True) if not wanted or wanted in _names(group)]
    for group in meant:
        row, found, start = _of_group(group, points.get(str(group["arn"])), target)
        rows.append(row)
        if wanted and len(meant) == 1 and found is not None and start is not None:
            path, scores = _path(found, start), _scores(found)
    listed = pl.DataFrame(rows, schema=GROUP_SCHEMA).sort("account", "region", "name")
    return {"groups": listed, "path": path, "scores": scores}


def _names(group: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a group may be called by: each longer one tells more groups of one name apart."""
    name, region, account = group["name"], group["region"], group["account"]
    return name, f"{region}/{name}", f"{account}/{region}/{name}"


SCORE_SCHEMA: dict[str, Any] = {
    **{"model": pl.String, "horizon": pl.String, "error": pl.Float64, "naive": pl.Float64, "skill": pl.Float64},
    **{"origins": pl.Int64, "shown": pl.Boolean},
}


def _of_group(
    group: Mapping[str, Any], points: pl.DataFrame | None, target: float
) -> tuple[dict[str, Any], Demand | None, datetime | None]:
    names = ("account", "region", "name", "desired", "min", "max", "eks_cluster", "eks_nodegroup")
    row: dict[str, Any] = dict.fromkeys(GROUP_SCHEMA) | {name: group.get(name) for name in names}
    if points is None or not points.height:
        return row | {"unknown": "CloudWatch told nothing of this group"}, None, None
    if not points.get_column("in_service").is_not_null().any():
        return row | {"unknown": "its group metrics are not enabled, so its size in the past is unknown"}, None, None
    need, start = _need(points, target)
    found = forecast(need, _weekend(start, len(need) + WEEK))
    row |= {"at": start + (len(need) - 1) * _STEP, "now": _finite(need[-1])}
    if found is None:
        return row | {"unknown": "less than a day of its metrics is known"}, None, None
    for steps in HORIZONS.values():
        row |= _ahead(found, steps, group)
    sizes = [row[f"high_{steps}"] for steps in HORIZONS.values() if row[f"high_{steps}"] is not None]
    return row | {"beyond": _beyond(sizes, group)}, found, start + len(need) * _STEP


def _need(points: pl.DataFrame, target: float) -> tuple[np.ndarray, datetime]:
    """The need on a whole grid of quarters of an hour, NaN where a figure is missing, and the grid's begin."""
    ordered = points.unique("at").sort("at").with_columns(need=pl.col("cpu") * pl.col("in_service") / target)
    start = ordered.get_column("at")[0]
    places = ((ordered.get_column("at") - start) / _STEP).cast(pl.Int64).to_numpy()
    grid = np.full(int(places[-1]) + 1, np.nan)
    grid[places] = ordered.get_column("need").cast(pl.Float64).to_numpy()
    return grid, start


def _weekend(start: datetime, steps: int) -> np.ndarray:
    quarter = np.datetime64(start, "us") + np.arange(steps) * np.timedelta64(15, "m")
    days = quarter.astype("datetime64[D]").astype(np.int64)
    return np.asarray((days + 3) % 7 >= 5)


def _ahead(found: Demand, steps: int, group: Mapping[str, Any]) -> dict[str, Any]:
    step = steps - 1
    name = next(name for name, known in HORIZONS.items() if known == steps)
    model = found.best[name]
    shown = next(score for score in found.scores if (score.model, score.horizon) == (model, name))
    seasonal: Model = "week" if np.isfinite(found.paths["week"][step]) else "day"
    other = next(score for score in found.scores if (score.model, score.horizon) == (seasonal, name))
    high = _finite(found.high[step])
    cover = high if high is not None else _finite(found.chosen[step])
    values = {
        "need": _finite(found.chosen[step]),
        "low": _finite(found.low[step]),
        "high": high,
        "size": _size(cover, group),
        "model": model,
        "naive": _finite(found.paths["naive"][step]),
        "seasonal": _finite(found.paths[seasonal][step]),
        "skill": shown.skill,
        "skill_seasonal": other.skill,
        "origins": shown.origins,
    }
    return {f"{what}_{steps}": value for what, value in values.items()}


def _size(need: float | None, group: Mapping[str, Any]) -> int | None:
    """Whole instances that cover a need, within the group's bounds."""
    if need is None:
        return None
    low, high = group.get("min"), group.get("max")
    wanted = math.ceil(need - 1e-9)
    return int(min(max(wanted, low if low is not None else 0), high if high is not None else wanted))


def _beyond(needs: list[float], group: Mapping[str, Any]) -> str:
    greatest = max(needs, default=0.0)
    limit = group.get("max")
    return (
        f"may need {math.ceil(greatest)}, above its maximum of {limit}"
        if limit is not None and greatest > limit
        else ""
    )


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _path(found: Demand, start: datetime) -> pl.DataFrame:
    columns: dict[str, Any] = {"need": found.chosen, "low": found.low, "high": found.high}
    columns |= {str(model): path for model, path in found.paths.items()}
    at = [start + step * _STEP for step in range(WEEK)]
    frame = pl.DataFrame({"at": at, **{name: pl.Series(values).fill_nan(None) for name, values in columns.items()}})
    # A schedule is made by the hour.
    return frame.select(*PATH_SCHEMA).cast(dict(PATH_SCHEMA.items())).gather_every(STEPS_A_DAY // 24)


def _scores(found: Demand) -> pl.DataFrame:
    rows = [
        {
            **{"model": score.model, "horizon": score.horizon, "error": score.error, "naive": score.naive},
            **{"skill": score.skill, "origins": score.origins, "shown": found.best[score.horizon] == score.model},
        }
        for score in found.scores
    ]
    return pl.DataFrame(rows, schema=SCORE_SCHEMA)
