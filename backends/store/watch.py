"""Each (account, region, kind) under watch: when it was swept last and how that ended, now and as history.

The table `own.watch` is what readers see. The writer, who alone changes it, knows beforehand what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import duckdb

from backends.model import Coverage

Triple = tuple[str, str, str]
_NUMBERS = 100


@dataclass(slots=True)
class _Standing:
    """`touched` says that the sweep under way has changed something."""

    swept: datetime
    state: str
    problem: str
    partial: bool
    touched: bool


class Watch:
    """The writer's view of the table. Methods belong in a transaction of the caller's inside `kept`."""

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
        """A sweep begins; gives its instant, which is after that of the one before."""
        known = self._standing.get(triple)
        if known is None:
            self._connection.execute(
                "INSERT INTO own.watch VALUES (?, ?, ?, ?, ?, FALSE, FALSE, 'pending', '',"
                " 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL)",
                [*triple, started, number],
            )
            self._standing[triple] = _Standing(started, "pending", "", partial=False, touched=False)
            return started
        at = max(started, known.swept + timedelta(microseconds=1))
        self._connection.execute(
            "UPDATE own.watch SET swept = ?, sweep = ?, partial = partial OR touched, touched = FALSE"
            " WHERE account = ? AND region = ? AND kind = ?",
            [at, number, *triple],
        )
        known.swept, known.partial, known.touched = at, known.partial or known.touched, False
        return at

    def touch(self, triple: Triple) -> None:
        """The sweep under way has changed something."""
        self._connection.execute(
            "UPDATE own.watch SET touched = TRUE WHERE account = ? AND region = ? AND kind = ?", list(triple)
        )
        self._standing[triple].touched = True

    def end(self, number: int, at: datetime, coverage: Coverage, finished: datetime) -> bool:
        """Writes how a sweep ended, now and as history; says whether tables show it (state, partial or problem)."""
        triple, good = (coverage.account, coverage.region, coverage.kind), coverage.state.good
        known = self._standing[triple]
        figures = [coverage.rows, coverage.calls, coverage.retries, coverage.seconds, coverage.cost]
        self._connection.execute(
            "INSERT INTO own.coverage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*triple, number, at, finished, good, str(coverage.state), coverage.problem, *figures],
        )
        partial = not good and (known.partial or known.touched)
        dates = ", first_good_at = coalesce(first_good_at, $at), good_at = $at, last_good = $finished" if good else ""
        values = {
            "account": coverage.account, "region": coverage.region, "kind": coverage.kind,
            "partial": partial, "state": str(coverage.state), "problem": coverage.problem, "finished": finished,
            "rows": figures[0], "calls": figures[1], "retries": figures[2], "seconds": figures[3], "cost": figures[4],
        }  # fmt: skip
        self._connection.execute(
            "UPDATE own.watch SET sweep = NULL, touched = FALSE, partial = $partial, state = $state,"
            " problem = $problem, rows = $rows, calls = $calls, retries = $retries, seconds = $seconds, cost = $cost,"
            f" last_try = $finished{dates} WHERE account = $account AND region = $region AND kind = $kind",
            values | ({"at": at} if good else {}),
        )
        shown = known.touched or (known.state, known.problem, known.partial) != (
            str(coverage.state),
            coverage.problem,
            partial,
        )
        known.state, known.problem, known.partial, known.touched = str(coverage.state), coverage.problem, partial, False
        return shown
