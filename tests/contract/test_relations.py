"""Every relation that a kind declares is tried: the simulated AWS has at least one pair for it."""

from __future__ import annotations

import json

from backends.aws.kinds import KINDS
from backends.model import Kind, Relation
from tests.contract.shells import Run

BY_NAME = {kind.name: kind for kind in KINDS}
AT_ONCE = 10
"""Relations that one statement asks for: all of them would take the store's memory, and more than SQL has seconds."""
UNTRIED: dict[str, str] = {}
"""Relations of which the simulated AWS has no pair, each with the reason why it cannot have one."""


def written(kind: Kind, relation: Relation) -> str:
    return f"{kind.name}.{relation.column} -> {relation.kind}.{relation.target}"


def cells(kind: Kind, name: str, place: list[str]) -> str:
    """The values of a column, those of a list one by one, with the columns that say where they count."""
    listed = any(column.name == name and column.type == "list" for column in kind.columns)
    value = f'unnest("{name}")' if listed else f'"{name}"'
    return f"SELECT DISTINCT {', '.join([*place, f'CAST({value} AS VARCHAR) AS cell'])} FROM {kind.table}"


def pairs(kind: Kind, relation: Relation) -> str:
    """How many pairs there are; names count within one account and region only."""
    other = BY_NAME[relation.kind]
    place = ["account"] if relation.by_name and kind.polled and other.polled else []
    place += ["region"] if relation.by_name and kind.regional and other.regional else []
    ours, theirs = cells(kind, relation.column, place), cells(other, relation.target, place)
    joined = f"({ours}) JOIN ({theirs}) USING ({', '.join([*place, 'cell'])})"
    return f"SELECT '{written(kind, relation)}' AS relation, count(*) AS pairs FROM {joined}"


def test_every_relation_finds_a_pair(run_here: Run) -> None:
    declared = [(kind, relation) for kind in KINDS for relation in kind.relations]
    found: dict[str, int] = {}
    for first in range(0, len(declared), AT_ONCE):
        some = declared[first : first + AT_ONCE]
        done = run_here("sql", " UNION ALL ".join(pairs(*one) for one in some), "-o", "json")
        assert done.returncode == 0, done.stderr
        found |= {row["relation"]: row["pairs"] for row in json.loads(done.stdout)}
    assert found.keys() == {written(*one) for one in declared}
    assert sorted(name for name, count in found.items() if not count) == sorted(UNTRIED)
