"""Each (account, region, kind) under watch: when it was swept last and how that ended, now and as history.

The table `own.watch` is what readers see. The writer, who alone changes it, knows beforehand what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from backends.model import Coverage

Triple = tuple[str, str, str]
_NUMBERS = 100


@dataclass(slots=True)
class _Standing:
    """`touched` says that the sweep under way, or one that was superseded, has changed something; `kept` that the table
    has a row of it."""

    swept: datetime
    state: str
    problem: str
    partial: bool
    touched: bool
    sweep: int | None = None
    kept: bool = True


class Watch:
    """The writer's view of the table. `touch` and `end` belong in a transaction of the caller's inside `kept`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool = False) -> None:
        self._connection = connection
        self._numbers: deque[int] = deque()
        if not read_only:
            # What an earlier process left open is over; rows that it had brought stay visible, as partial.
            connection.execute(
                "UPDATE own.watch SET partial = partial OR touched, sweep = NULL, touched = FALSE"
                " WHERE sweep IS NOT NULL"
            )
        found = connection.execute(
            "SELECT account, region, kind, swept, state, problem, partial, touched FROM own.watch"
        ).fetchall()
        self._standing: dict[Triple, _Standing] = {(row[0], row[1], row[2]): _Standing(*row[3:]) for row in found}

    @contextmanager
    def kept(self, triple: Triple) -> Iterator[None]:
        """Put around a transaction: where that fails, what is known here is again what it was before."""
        known = self._standing.get(triple)
        before = replace(known) if known is not None else None
        try:
            yield
        except BaseException:
            self._standing.pop(triple, None)
            if before is not None:
                self._standing[triple] = before
            raise

    def number(self) -> int:
        """The number of the next sweep; belongs in no transaction."""
        if not self._numbers:
            found = self._connection.execute("SELECT nextval('own.sweep_id') FROM range(?)", [_NUMBERS]).fetchall()
            self._numbers.extend(row[0] for row in found)
        return self._numbers.popleft()

    def begin(self, triple: Triple, number: int, started: datetime) -> datetime:
        """A sweep begins; gives its instant, which is after that of the one before.

        Nothing is written before there is something to tell: most sweeps end without.
        """
        known = self._standing.get(triple)
        if known is None:
            fresh = _Standing(started, "pending", "", partial=False, touched=False, sweep=number, kept=False)
            self._standing[triple] = fresh
            return started
        known.swept = max(started, known.swept + timedelta(microseconds=1))
        known.sweep, known.partial, known.touched = number, known.partial or known.touched, False
        return known.swept

    def touch(self, triple: Triple) -> None:
        """The sweep under way has changed something."""
        known = self._standing[triple]
        known.touched = True
        self._keep(triple, known, {"sweep": known.sweep, "touched": True, "partial": known.partial})

    def end(self, number: int, at: datetime, coverage: Coverage, finished: datetime, *, touched: bool) -> bool:
        """Writes how a sweep ended, now and as history; says whether tables show it (state, partial or problem).

        `touched` says that the transaction changes something.
        """
        triple, good = (coverage.account, coverage.region, coverage.kind), coverage.state.good
        known = self._standing[triple]
        known.touched = known.touched or touched
        state, problem = str(coverage.state), coverage.problem
        figures = [coverage.rows, coverage.calls, coverage.retries, coverage.seconds, coverage.cost]
        self._connection.execute(
            "INSERT INTO own.coverage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*triple, number, at, finished, good, state, problem, *figures],
        )
        partial = not good and (known.partial or known.touched)
        values: dict[str, Any] = {
            "sweep": None, "touched": False, "partial": partial, "state": state, "problem": problem,
            "rows": figures[0], "calls": figures[1], "retries": figures[2], "seconds": figures[3], "cost": figures[4],
            "last_try": finished,
        }  # fmt: skip
        self._keep(triple, known, values | ({"good_at": at, "last_good": finished} if good else {}))
        shown = known.touched or (known.state, known.problem, known.partial) != (state, problem, partial)
        known.sweep, known.touched = None, False
        known.state, known.problem, known.partial = state, problem, partial
        return shown

    def _keep(self, triple: Triple, known: _Standing, values: dict[str, Any]) -> None:
        """Writes these columns of the table's row, beside the instant of the sweep."""
        values = {"swept": known.swept, **values}
        if known.kept:
            sets = ", ".join(f"{name} = ${name}" for name in values)
            first = ", first_good_at = coalesce(first_good_at, $good_at)" if "good_at" in values else ""
            sql = f"UPDATE own.watch SET {sets}{first} WHERE account = $account AND region = $region AND kind = $kind"
        else:
            values = _NEVER | values
            values["first_good_at"] = values.get("good_at")
            names = ["account", "region", "kind", *values]
            sql = f"INSERT INTO own.watch ({', '.join(names)}) VALUES ({', '.join(f'${name}' for name in names)})"
            known.kept = True
        self._connection.execute(sql, values | dict(zip(("account", "region", "kind"), triple, strict=True)))


_NEVER: dict[str, Any] = {
    "state": "pending", "problem": "", "rows": 0, "calls": 0, "retries": 0, "seconds": 0.0, "cost": 0.0
}  # fmt: skip
"""What is told of what has never been swept."""
