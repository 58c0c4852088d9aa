"""Results of analytics: forecasts, anomalies, advice. Each run keeps its model, its inputs' instant and its score.

The rows of a run are kept in `results.<what>`, whose columns follow the frames that come; the newest run's words about
a resource are its flags. Rows of older runs are thinned, to the first of each hour of a day so that the past can be
looked at, then to one run a day; what a run was and scored stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from backends.model import Json, Scope
from backends.store.errors import StoreError
from backends.store.instants import iso, stored, utcnow
from backends.store.sqltext import Bound, identifier, json_time, literal

JSON_COLUMNS = {"advice": frozenset({"evidence", "assumptions", "action"})}
"""Columns that carry JSON text and are given back as JSON."""
_KEPT_WHOLE = 3
_KEPT_DAYS = 30
_KEPT_HOURS = {"forecasts": 6}
"""Of how many hours the first run is kept for a day; forecasts are large, of the others it is every hour."""
_FLAG_DAYS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an analysis.

    what   "forecasts", "anomalies" or "advice"
    as_of  the instant of its inputs
    score  how it has done, as JSON: backtest figures, counts, what was left out and why
    """

    what: str
    model: str
    as_of: datetime
    score: Json = field(default_factory=dict)


def save_run(connection: duckdb.DuckDBPyConnection, run: Run, frame: bytes) -> int:
    """Keeps a run and its rows (Arrow IPC stream); gives its number. Belongs in the caller's transaction."""
    try:
        data = pa.ipc.open_stream(pa.py_buffer(frame)).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"The rows of a run of {run.what} are not an Arrow stream: {error}") from error
    name = f"results.{identifier(run.what, 'result')}"
    connection.register("frame", data)
    try:
        number = int(connection.execute("SELECT nextval('own.run_id')").fetchall()[0][0])
        _fit(connection, run.what, data)
        connection.execute(f"INSERT INTO {name} BY NAME SELECT {number}::BIGINT AS _run, * FROM frame")
        connection.execute(
            "INSERT INTO own.run VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                number,
                run.what,
                run.model,
                stored(run.as_of),
                stored(utcnow()),
                json.dumps(run.score, sort_keys=True),
                data.num_rows,
            ],
        )
        if run.what in ("anomalies", "advice"):
            _flag(connection, run, data)
    finally:
        connection.unregister("frame")
    _thin(connection, run.what)
    return number


def _fit(connection: duckdb.DuckDBPyConnection, what: str, data: pa.Table) -> None:
    """Makes the result's table or adds the columns that the frame brings for the first time."""
    name = f"results.{identifier(what)}"
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} (_run BIGINT NOT NULL)")
    present = set(columns(connection, what))
    described = connection.execute("DESCRIBE SELECT * FROM frame").fetchall()
    for column, type_, *_ in described:
        if column not in present:
            json_text = column in JSON_COLUMNS.get(what, ())
            wanted = "JSON" if json_text else "VARCHAR" if type_ == '"NULL"' else type_
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {identifier(column, f'column of {what}')} {wanted}")


def columns(cursor: duckdb.DuckDBPyConnection, what: str) -> dict[str, str]:
    """The columns of a result and their SQL types; empty before the first run."""
    try:
        described = cursor.execute(f"DESCRIBE results.{identifier(what)}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: type_ for name, type_, *_ in described}


def _flag(connection: duckdb.DuckDBPyConnection, run: Run, data: pa.Table) -> None:
    """Replaces the flags of this analysis; of anomalies only those of the last days before the run."""
    connection.execute("DELETE FROM own.flag WHERE what = ?", [run.what])
    present = set(data.column_names)
    ref = next((name for name in ("ref", "series") if name in present), None)
    if ref is None:
        return
    severity = "severity::VARCHAR" if "severity" in present else literal("advice" if run.what == "advice" else "warn")
    label = next((f"{name}::VARCHAR" for name in ("label", "title") if name in present), literal(run.what))
    tests = [f"{ref} IS NOT NULL"]
    values: dict[str, object] = {"what": run.what}
    if "at" in present:
        tests.append('"at" >= $after')
        values["after"] = stored(run.as_of) - timedelta(days=_FLAG_DAYS)
    if "severity" in present:
        tests.append("severity IN ('info', 'warn', 'bad')")
    connection.execute(
        f"INSERT INTO own.flag"
        f" SELECT DISTINCT {ref}::VARCHAR, $what, coalesce({severity}, 'warn'), coalesce({label}, '')"
        f" FROM frame WHERE {' AND '.join(tests)}",
        values,
    )


def _thin(connection: duckdb.DuckDBPyConnection, what: str) -> None:
    runs = connection.execute("SELECT id, made FROM own.run WHERE what = ? ORDER BY id DESC", [what]).fetchall()
    kept = {number for number, _ in runs[:_KEPT_WHOLE]}
    newest = runs[0][1]
    daily = {made.date(): number for number, made in reversed(runs) if made >= newest - timedelta(days=_KEPT_DAYS)}
    hours = _KEPT_HOURS.get(what, 1)
    lately = [(number, made) for number, made in runs if made >= newest - timedelta(days=1)]
    hourly = {(made.date(), made.hour // hours): number for number, made in lately}
    kept |= {*daily.values(), *hourly.values()}
    connection.execute(
        f"DELETE FROM results.{identifier(what)} WHERE NOT list_contains(?::BIGINT[], _run)", [sorted(kept)]
    )


def latest(cursor: duckdb.DuckDBPyConnection, what: str, at: datetime | None = None) -> tuple[int, Json] | None:
    """The newest run by an instant: its number and what is known of it. Runs whose rows were thinned out count not."""
    if not columns(cursor, what):
        return None
    found = cursor.execute(
        "SELECT id, model, as_of, made, score, rows FROM own.run WHERE what = ? AND as_of <= ?"
        f" AND (rows = 0 OR id IN (SELECT _run FROM results.{identifier(what)})) ORDER BY id DESC LIMIT 1",
        [what, at or datetime(9999, 1, 1)],
    ).fetchall()
    return (found[0][0], _described(found[0])) if found else None


def runs(cursor: duckdb.DuckDBPyConnection, what: str, limit: int) -> list[Json]:
    """The newest runs, newest first."""
    found = cursor.execute(
        "SELECT id, model, as_of, made, score, rows FROM own.run WHERE what = ? ORDER BY id DESC LIMIT ?", [what, limit]
    ).fetchall()
    return [_described(row) for row in found]


def _described(row: tuple[int, str, datetime, datetime, str, int]) -> Json:
    number, model, as_of, made, score, rows = row
    return {
        "run": number,
        "model": model,
        "as_of": iso(as_of),
        "made": iso(made),
        "score": json.loads(score),
        "total": rows,
    }


def results(
    cursor: duckdb.DuckDBPyConnection,
    what: str,
    *,
    scope: Scope | None = None,
    where: dict[str, str] | None = None,
    at: datetime | None = None,
    limit: int = 100_000,
    only: tuple[str, ...] = (),
) -> bytes:
    """The newest run (by `at`) with its rows: `{"run", "model", "as_of", "made", "score", "total", "rows"}`.

    scope  only rows whose `ref` (or `market`, by its region) lies in it
    where  column → wanted value;  only: the columns to give
    """
    run = latest(cursor, what, at)
    if run is None:
        return b'{"run": null, "model": null, "as_of": null, "made": null, "score": {}, "total": 0, "rows": []}'
    number, head = run
    types = columns(cursor, what)
    names = [name for name in types if name != "_run" and (not only or name in only)]
    bound = Bound()
    tests = [f"r._run = {bound(number)}"]
    if scope is not None:
        tests.append(_in_scope(types, scope, bound))
    for name, value in (where or {}).items():
        if name not in types:
            raise StoreError(f"{what} has no column {name!r}; it has {', '.join(names)}.")
        tests.append(f'r."{name}"::VARCHAR = {bound(value)}')
    cells = ", ".join(f"{literal(name)}, {_cell(name, types[name])}" for name in names)
    found = cursor.execute(
        f"SELECT string_agg(body, ', ') FROM (SELECT json_object({cells})::VARCHAR AS body"
        f" FROM results.{identifier(what)} r WHERE {' AND '.join(tests)} LIMIT {bound(limit)})",
        bound.values,
    ).fetchall()
    return (json.dumps(head)[:-1] + f', "rows": [{found[0][0] or ""}]}}').encode()


def result_table(cursor: duckdb.DuckDBPyConnection, what: str, at: datetime | None = None) -> tuple[Json, pa.Table]:
    """The newest run (by `at`) and its rows as Arrow; {} and an empty table without one."""
    run = latest(cursor, what, at)
    if run is None:
        return {}, pa.table({})
    sql = f"SELECT * EXCLUDE (_run) FROM results.{identifier(what)} WHERE _run = $run"
    return run[1], cursor.execute(sql, {"run": run[0]}).to_arrow_table()


def kept_runs(cursor: duckdb.DuckDBPyConnection, what: str) -> list[Json]:
    """The runs whose rows are still kept, newest first."""
    if not columns(cursor, what):
        return []
    found = cursor.execute(
        "SELECT id, model, as_of, made, score, rows FROM own.run"
        f" WHERE what = ? AND id IN (SELECT _run FROM results.{identifier(what)}) ORDER BY id DESC",
        [what],
    ).fetchall()
    return [_described(row) for row in found]


def over_runs(
    cursor: duckdb.DuckDBPyConnection, what: str, where: tuple[str, str], only: tuple[str, ...], at: datetime | None
) -> pa.Table:
    """The rows of all kept runs (by `at`) in which a column has a value, the oldest first: the columns `only`."""
    names = ", ".join(f'r."{name}"' for name in only if name in columns(cursor, what))
    sql = (
        f"SELECT {names} FROM results.{identifier(what)} r JOIN own.run u ON u.id = r._run"
        f" WHERE r.{identifier(where[0])} = $value AND u.as_of <= $at ORDER BY r._run"
    )
    return cursor.execute(sql, {"value": where[1], "at": at or datetime(9999, 1, 1)}).to_arrow_table()


def _in_scope(types: dict[str, str], scope: Scope, bound: Bound) -> str:
    column = next((name for name in ("ref", "series") if name in types), None)
    if column:
        place = f"split_part(split_part(r.\"{column}\", '@', 2), '/', {{}})"
        accounts, regions = place.format(1), place.format(2)
        pairs = [f"({accounts} = {bound(a)} AND {regions} IN ({bound(r)}, 'global'))" for a, r in sorted(scope.pairs)]
        return "(" + " OR ".join(pairs or ["FALSE"]) + ")"
    if "market" in types:
        known = ", ".join(bound(region) for region in scope.regions)
        return f"split_part(r.market, '/', 1) IN ({known or 'NULL'})"
    return "TRUE"


def _cell(name: str, type_: str) -> str:
    cell = f'r."{name}"'
    if type_.startswith("TIMESTAMP"):
        item = json_time("x")
        return f"list_transform({cell}, lambda x: {item})" if type_.endswith("[]") else json_time(cell)
    if type_ in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({cell}) THEN {cell} END"
    if type_ in ("DOUBLE[]", "FLOAT[]"):
        return f"list_transform({cell}, lambda x: CASE WHEN isfinite(x) THEN x END)"
    return cell
