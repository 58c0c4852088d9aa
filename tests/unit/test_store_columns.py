"""A kind's declaration may change: a new column makes no changes, and what was not recorded is not invented."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_world import ACCOUNT, BOX, REGION, SCOPE, at, open_store, sweep, table

from backends.model import Column, Health, Kind, Rule
from backends.store import Store, StoreError

OLD = replace(
    BOX, columns=(Column("name", "Name"), Column("hits", "Hits", "integer", volatile=True)), health=(), relations=()
)
NEW = replace(OLD, columns=(*OLD.columns, Column("owner", "Owner"), Column("groups", "Groups", "list")))


def element(name: str = "one", **more: Any) -> dict[str, Any]:
    return {"id": "b1", "name": name, **more}


def reopened(store: Store, directory: Path, kind: Kind) -> Store:
    store.close()
    return open_store(directory, [kind])


def changes(store: Store) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.changes(at(-9), at(999), [BOX.name], SCOPE))["changes"]
    return found


def test_a_new_column_is_filled_in_place_and_reads_as_not_recorded_before(tmp_path: Path) -> None:
    store = open_store(tmp_path, [OLD])
    sweep(store, OLD, 0, [element()])
    store = reopened(store, tmp_path, NEW)
    assert table(store, NEW, "owner") == [None]
    assert sweep(store, NEW, 10, [element(owner="ann", groups=["g"])]).changed == 0
    assert table(store, NEW, "owner", "groups") == [["ann", ["g"]]]
    assert table(store, NEW, "owner", "groups", at=at(5)) == [[None, None]]
    assert table(store, NEW, "owner", "groups", at=at(10)) == [["ann", ["g"]]]
    assert changes(store) == []
    assert len(store.history(f"{BOX.name}@{ACCOUNT}/{REGION}/b1")) == 1
    store.close()


def test_once_recorded_a_new_column_changes_like_any_other(tmp_path: Path) -> None:
    store = open_store(tmp_path, [OLD])
    sweep(store, OLD, 0, [element()])
    store = reopened(store, tmp_path, NEW)
    sweep(store, NEW, 10, [element(owner="ann")])
    assert sweep(store, NEW, 20, [element(owner="bob")]).changed == 1
    assert table(store, NEW, "owner", at=at(15)) == ["ann"]
    assert table(store, NEW, "owner", at=at(5)) == [None]
    assert [c["fields"] for c in changes(store)] == [[{"field": "owner", "before": "ann", "after": "bob"}]]
    store.close()


def test_a_change_of_an_old_column_does_not_blame_the_new_one(tmp_path: Path) -> None:
    store = open_store(tmp_path, [OLD])
    sweep(store, OLD, 0, [element()])
    store = reopened(store, tmp_path, NEW)
    assert sweep(store, NEW, 10, [element("two", owner="ann")]).changed == 1
    assert [c["fields"] for c in changes(store)] == [[{"field": "name", "before": "one", "after": "two"}]]
    assert table(store, NEW, "name", "owner", at=at(5)) == [["one", None]]
    history = store.history(f"{BOX.name}@{ACCOUNT}/{REGION}/b1")
    assert [entry["changes"] for entry in history] == [[{"field": "name", "before": "one", "after": "two"}], []]
    store.close()


def test_a_column_that_comes_back_or_changes_its_type_starts_afresh(tmp_path: Path) -> None:
    store = open_store(tmp_path, [NEW])
    sweep(store, NEW, 0, [element(owner="ann")])
    store = reopened(store, tmp_path, OLD)
    sweep(store, OLD, 10, [element()])
    number = replace(OLD, columns=(*OLD.columns, Column("owner", "Owner", "integer")))
    for round_, kind in ((2, NEW), (3, number), (4, NEW)):
        store = reopened(store, tmp_path, kind)
        assert table(store, kind, "owner") == [None]
        owner = 7 if kind is number else "cleo"
        assert sweep(store, kind, round_ * 10, [element(owner=owner)]).changed == 0
        assert table(store, kind, "owner") == [owner]
    assert changes(store) == []
    store.close()


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (replace(OLD, columns=(Column("seen", "S"),)), "'seen', which is taken"),
        (replace(OLD, columns=(Column("a", "A"), Column("a", "B"))), "'a', which is taken"),
        (replace(OLD, columns=(Column('x"; DROP TABLE own.meta; --', "A"),)), "cannot be kept"),
        (replace(OLD, name="Lab.Box"), "cannot be kept"),
        (
            replace(OLD, health=(Rule(Health.BAD, "nmae=x", "?"),)),
            "health rule 'nmae=x' of lab.box is wrong.*mean name",
        ),
    ],
)
def test_a_declaration_that_cannot_be_kept_is_refused_in_one_sentence(
    tmp_path: Path, kind: Kind, sentence: str
) -> None:
    with pytest.raises(StoreError, match=sentence):
        open_store(tmp_path, [kind])


def test_a_kind_that_is_no_longer_declared_keeps_its_rows(tmp_path: Path) -> None:
    store = open_store(tmp_path, [OLD])
    sweep(store, OLD, 0, [element()])
    store.close()
    open_store(tmp_path, []).close()
    store = open_store(tmp_path, [OLD])
    assert table(store, OLD, "name") == ["one"]
    store.close()
