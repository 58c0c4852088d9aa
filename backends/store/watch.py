"""Each (account, region, kind) under watch: when it was swept last and how that ended, now and as history.

The table `own.watch` is what readers see. The writer, who alone changes it, knows beforehand what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from backends.model import Coverage
from backends.store.coverage import OBSERVED_CADENCES

Triple = tuple[str, str, str]
Row = Mapping[str, Any]
_NUMBERS = 100
_KEY = ("account", "region", "kind")
_COLUMNS = (
    *("swept", "sweep", "touched", "partial", "state", "problem", "rows", "calls", "retries", "seconds", "cost"),
    *("first_good_at", "good_at", "last_good", "last_try", "run_from", "run_until", "run_finished"),
)
_NEVER: Row = {
    "touched": False, "partial": False, "state": "pending", "problem": "",
    "rows": 0, "calls": 0, "retries": 0, "seconds": 0.0, "cost": 0.0,
}  # fmt: skip
"""What is told of what has never been swept."""
_RUN = "run_from, run_until, run_finished, last_try"
_FIGURES = "state, problem, rows, calls, retries, seconds, cost"
_CADENCES, _CADENCES_BAD = OBSERVED_CADENCES, 24
"""How many cadences after a sweep the next one goes on with its run: a good one vouches for no longer time, and what is
denied or does not exist is asked for seldom."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A three under watch.

    row  what the table says; empty where it has no row yet
    swept, sweep, partial, touched  of the sweep under way, or the last one, whether the table says so yet or not;
         `touched` where it has changed something
    """

    row: Row
    swept: datetime
    sweep: int | None = None
    partial: bool = False
    touched: bool = False


class Watch:
    """The writer's view of the table. `touch` and `end` belong in a transaction of the caller's inside `kept`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool = False) -> None:
        self._connection = connection
        self._numbers: deque[int] = deque()
        self._going: set[Triple] = set()
        """Whose run goes on: the newest sweep was kept, since the store was opened. Nobody vouches for a gap."""
        if not read_only:
            # What an earlier process left open is over; rows that it had brought stay visible, as partial.
            connection.execute(
                "UPDATE own.watch SET partial = partial OR touched, sweep = NULL, touched = FALSE"
                " WHERE sweep IS NOT NULL"
            )
        found = connection.execute(f"SELECT {', '.join((*_KEY, *_COLUMNS))} FROM own.watch").fetchall()
        self._standing: dict[Triple, _Standing] = {}
        for account, region, kind, *values in found:
            row = dict(zip(_COLUMNS, values, strict=True))
            swept = max(row["swept"], row["run_until"] or row["swept"])
            self._standing[account, region, kind] = _Standing(row, swept, partial=row["partial"])

    @contextmanager
    def kept(self, triple: Triple) -> Iterator[None]:
        """Put around a transaction: where that fails, what is known here is again what it was before."""
        before = self._standing[triple]
        try:
            yield
        except BaseException:
            self._standing[triple] = before
            self._going.discard(triple)
            raise

    def number(self) -> int:
        """The number of the next sweep; belongs in no transaction."""
        if not self._numbers:
            found = self._connection.execute("SELECT nextval('own.sweep_id') FROM range(?)", [_NUMBERS]).fetchall()
            self._numbers.extend(row[0] for row in found)
        return self._numbers.popleft()

    def begin(self, triple: Triple, number: int, started: datetime) -> datetime:
        """A sweep begins; gives its instant, which is after that of the one before, and of whole milliseconds, as it is
        told: whoever asks about an instant that was told asks about that one.

        Nothing is written before there is something to tell: most sweeps end without.
        """
        known = self._standing.get(triple) or _Standing({}, started - timedelta(milliseconds=1))
        at = _whole(max(started, known.swept + timedelta(microseconds=1)))
        self._standing[triple] = _Standing(known.row, at, number, known.partial or known.touched)
        return at

    def touch(self, triple: Triple) -> None:
        """The sweep under way has changed something."""
        known = self._standing[triple]
        told = {"swept": known.swept, "sweep": known.sweep, "touched": True, "partial": known.partial}
        self._standing[triple] = replace(known, row=self._written(triple, known.row, told), touched=True)

    def end(self, at: datetime, coverage: Coverage, finished: datetime, *, cadence: int, news: bool) -> bool:
        """Writes how a sweep ended, now and as history; says whether tables show it (state, partial or problem).

        `cadence` is the kind's, in seconds; `news` says that the sweep has changed something.
        """
        triple, good = (coverage.account, coverage.region, coverage.kind), coverage.state.good
        known = self._standing[triple]
        row = known.row
        told: dict[str, Any] = {
            "sweep": None, "touched": False, "partial": not good and (known.partial or news),
            "state": str(coverage.state), "problem": coverage.problem, "rows": coverage.rows, "calls": coverage.calls,
            "retries": coverage.retries, "seconds": coverage.seconds, "cost": coverage.cost,
            "last_try": finished, "run_until": at,
        }  # fmt: skip
        if good:
            told |= {"good_at": at, "last_good": finished, "first_good_at": row.get("first_good_at") or at}
        longest = timedelta(seconds=cadence * (_CADENCES if good else _CADENCES_BAD))
        if news or triple not in self._going or not _goes_on(row, told, longest):
            if row.get("run_from") is not None:
                self._end_run(triple)
            told |= {"swept": at, "run_from": at, "run_finished": finished}
        self._going.add(triple)
        shown = news or any(row.get(name, _NEVER[name]) != told[name] for name in ("state", "problem", "partial"))
        self._standing[triple] = _Standing(self._written(triple, row, told), at, partial=told["partial"])
        return shown

    def withhold(self, account: str, problem: str, at: datetime) -> None:
        """Writes into history that nothing of an account is polled from then on: what was, until it is swept again."""
        self._connection.execute(
            "INSERT INTO own.past_coverage SELECT account, region, kind, $at, $at, $at, $at, FALSE, 'error', $problem,"
            " 0, 0, 0, 0, 0 FROM own.watch WHERE account = $account AND run_until < $at",
            {"account": account, "problem": problem, "at": at},
        )
        self._going = {triple for triple in self._going if triple[0] != account}

    def _end_run(self, triple: Triple) -> None:
        """Another run begins: the one before is history."""
        self._connection.execute(
            f"INSERT INTO own.past_coverage (account, region, kind, instant, until, finished, last_finished, good,"
            f" {_FIGURES}) SELECT account, region, kind, {_RUN}, state IN ('ok', 'empty'), {_FIGURES}"
            " FROM own.watch WHERE account = ? AND region = ? AND kind = ?",
            list(triple),
        )

    def _written(self, triple: Triple, row: Row, told: Row) -> Row:
        """Writes what the table does not say yet; gives what it says then."""
        key = dict(zip(_KEY, triple, strict=True))
        if row:
            changed = {name: value for name, value in told.items() if row[name] != value}
            sets = ", ".join(f"{name} = ${name}" for name in changed)
            sql = f"UPDATE own.watch SET {sets} WHERE account = $account AND region = $region AND kind = $kind"
            self._connection.execute(sql, changed | key)
            return {**row, **told}
        whole = dict.fromkeys(_COLUMNS) | {"swept": told["swept"]} | dict(_NEVER) | dict(told)
        names = ", ".join((*_KEY, *_COLUMNS))
        marks = ", ".join(f"${name}" for name in (*_KEY, *_COLUMNS))
        self._connection.execute(f"INSERT INTO own.watch ({names}) VALUES ({marks})", whole | key)
        return whole


def _whole(instant: datetime) -> datetime:
    """The first instant of whole milliseconds from one on."""
    return instant + timedelta(microseconds=-instant.microsecond % 1000)


def _goes_on(row: Row, told: Row, longest: timedelta) -> bool:
    """Whether a sweep without news goes on with the run that a row tells of."""
    if row.get("run_until") is None or told["run_until"] - row["run_until"] > longest:
        return False
    return all(row[name] == told[name] for name in ("state", "problem", "rows"))
