"""How many changes there were lately, looked for again only in kinds that have changed since."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import duckdb

from backends.model import Scope
from backends.store.changes import moments, touched
from backends.store.schema import KindTable, data_version

_MOST = 4000


@dataclass(frozen=True, slots=True)
class _Found:
    """When the changes of a kind from `since` on were, at one of its data versions."""

    version: int
    since: datetime
    moments: tuple[datetime, ...]


class Recent:
    """The changes of each kind and scope; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Scope], _Found] = {}

    def counts(
        self,
        cursor: duckdb.DuckDBPyConnection,
        tables: Iterable[KindTable],
        scope: Scope,
        since: datetime,
        now: datetime,
    ) -> dict[str, int]:
        """How many changes `changes` would tell of since then, for each kind that has any; belongs in a snapshot."""
        counts = {}
        for table in touched(cursor, tables, since, now):
            version = data_version(cursor, table.name)
            with self._lock:
                found = self._kept.get((table.name, scope))
            if found is None or found.version != version or found.since > since:
                found = _Found(version, since, tuple(moments(cursor, table, scope, since, now)))
                with self._lock:
                    if len(self._kept) > _MOST:
                        self._kept.clear()
                    self._kept[table.name, scope] = found
            counts[table.name] = sum(moment > since for moment in found.moments)
        return {kind: number for kind, number in counts.items() if number}
