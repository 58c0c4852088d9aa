"""The filter language finds what it says, and no text breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import BOX, at, open_store, sweep, table

from backends.store import FilterError, Store
from backends.store.filter_sql import Field, compile_filter, is_relative
from backends.store.filters import Compare, Not, Tag, Text, parse, quote
from backends.store.sqltext import Bound, Rendered, literal

SCRATCH = duckdb.connect()
FIELDS = {
    "name": Field("text", "v.name"),
    "size": Field("integer", "v.size"),
    "price": Field("number", "v.price"),
    "open": Field("boolean", "v.open"),
    "made": Field("time", "v.made"),
    "groups": Field("list", "v.groups"),
    "tags": Field("tags", "v.tags"),
}
ROW = (
    "(SELECT 'web-1' AS name, 3::BIGINT AS size, 1.5::DOUBLE AS price, TRUE AS open,"
    " TIMESTAMP '2026-11-20 12:00:00' AS made, ['a'] AS groups, '{\"k\": \"v\"}' AS tags)"
)
fragments = st.sampled_from(
    ["name=", "size>", "size<=", "made>", "open=", "groups=", "tags~", "tag:", "!", "~", '"', "\\", "|", "-2d", "'",
     "%", "12:00", "_", "$v0", ";", "--", "1e999", "10GiB", "٣", "\x00", "true", "=", "name", "size", " ", "2026-11-20",
     "9" * 30, "-"]
)  # fmt: skip
texts = st.one_of(st.text(max_size=30), st.lists(fragments, max_size=8).map("".join))


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("filters"))
    rows: list[dict[str, Any]] = [
        {"id": "b1", "name": "web-1", "size": 3, "price": 1.5, "open": True, "made": at(0), "groups": ["sg-1", "sg-2"],
         "tags": {"Name": "Web One", "a/b": "x=y", "~": "t", "env:tier": "prod"}},
        {"id": "b2", "name": "100%_done", "size": 2**40, "open": False, "made": at(-60 * 24 * 3), "groups": [],
         "tags": {}},
        {"id": "b3", "name": "O'Brien \\ \"quoted\"", "size": -1, "price": -0.5, "made": at(60)},
        {"id": "b4"},
    ]  # fmt: skip
    sweep(store, BOX, 0, rows)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", "b1 b2 b3 b4"),
        ("web", "b1"),
        ("WEB-1", "b1"),
        ("!web", "b2 b3 b4"),
        ("!!web", "b1"),
        ("%", "b2"),
        ("_", "b2"),
        ("o'brien", "b3"),
        ('"web one"', "b1"),
        ('"\\"quoted\\""', "b3"),
        ("~wb1", "b1"),
        ("~1%d", "b2"),
        ("~bw", ""),
        ("name=web-1", "b1"),
        ("name=WEB-1|100%_done", "b1 b2"),
        ("name!=web-1", "b2 b3 b4"),
        ("name=", "b4"),
        ("name!=", "b1 b2 b3"),
        ("name~done", "b2"),
        ("name>o", "b1 b3"),
        ("size=3", "b1"),
        ("size>2", "b1 b2"),
        ("size>=1TiB", "b2"),
        ("size<0", "b3"),
        ("size!=3", "b2 b3 b4"),
        ("!size=3", "b2 b3 b4"),
        ("size=", "b4"),
        ("price<=1.5", "b1 b3"),
        ("price>-0.6 price<0", "b3"),
        ("open=true", "b1"),
        ("open=no", "b2"),
        ("open!=yes", "b2 b3 b4"),
        ("made>2026-11-20T11:59Z", "b1 b3"),
        ("made=2026-11-20", "b1 b3"),
        ("made<=2026-11-18", "b2"),
        ("made=", "b4"),
        ("put_together<=2026-11-18", "b2"),
        ("Put_Together=", "b4"),
        ("why~big", "b2"),
        ("groups=sg-2", "b1"),
        ("groups~SG-", "b1"),
        ("groups=", "b2 b3 b4"),
        ("tag:Name", "b1"),
        ('tag:Name="web one"', "b1"),
        ("tag:Name~one", "b1"),
        ("tag:a/b=x=y", "b1"),
        ("tag:~", ""),
        ('tag:"~"=t', "b1"),
        ("tag:env:tier=prod|dev", "b1"),
        ("tag:Name!=x", "b1 b2 b3 b4"),
        ("!tag:Name", "b2 b3 b4"),
        ("sg-1 size=3", "b1"),
        ("id=b2", "b2"),
        ("region=eu-west-1 id=b4", "b4"),
        ("health=bad", "b2"),
        ("health_why~big", "b2"),
        ("first_seen>2026-11-20 id=b1", "b1"),
        ("$v0", ""),
    ],
)
def test_a_filter_finds_what_it_says(boxes: Store, text: str, ids: str) -> None:
    if text == "tag:~":
        with pytest.raises(FilterError, match="missing"):
            table(boxes, BOX, "id", filter=text)
        return
    assert sorted(table(boxes, BOX, "id", filter=text)) == ids.split()


@pytest.mark.parametrize(
    ("text", "sentence", "position"),
    [
        ("web nmae=x", "did you mean name", 4),
        ("size=big", "size is a number; 'big' is not one", 0),
        ("size=1e999", "too large", 0),
        ("made>tomorrowish", "is not a time", 0),
        ("open=maybe", "true or false", 0),
        ("open>1", "true or false", 0),
        ("groups>a", "is a list", 0),
        ("tags=x", "tag:Name=value", 0),
        ('a "open', "not closed", 2),
        ("tag:", "tag's name is missing", 0),
        ("tag:=x", "tag's name is missing", 0),
        ("size>", "value is missing", 0),
        ("!", "missing", 1),
        ("~" + "x" * 65, "at most 64", 0),
    ],
)
def test_a_filter_that_is_wrong_says_why_and_where(boxes: Store, text: str, sentence: str, position: int) -> None:
    with pytest.raises(FilterError, match=sentence) as caught:
        table(boxes, BOX, "id", filter=text)
    assert caught.value.position == position


@settings(max_examples=200, deadline=None)
@given(text=texts)
def test_no_text_makes_anything_but_a_filter_error_or_valid_sql(text: str) -> None:
    for bound in (Bound(), Rendered()):
        try:
            sql = compile_filter(text, FIELDS, bound, datetime(2026, 11, 23, tzinfo=UTC))
        except FilterError as error:
            assert str(error)
            assert 0 <= error.position <= len(text)
            continue
        found = SCRATCH.execute(f"SELECT {sql} FROM {ROW} v", bound.values or None).fetchall()
        assert found[0][0] in (True, False)


@settings(max_examples=100, deadline=None)
@given(
    key=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8),
    value=st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
)
def test_any_tag_is_found_by_its_quoted_key_and_value(key: str, value: str) -> None:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    bound = Bound()
    sql = compile_filter(f'tag:"{escaped}"={quote(value)}', FIELDS, bound)
    rows = "(SELECT ? AS tags)"
    names = list(bound.values)
    for name in names:
        sql = sql.replace(f"${name}", literal(bound.values[name]))
    assert SCRATCH.execute(f"SELECT {sql} FROM {rows} v", [json.dumps({key: value})]).fetchall() == [(True,)]


@given(value=st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_a_quoted_value_is_read_back_as_it_was(value: str) -> None:
    assert parse(f"name={quote(value)}") == (Compare("name", "=", (value,), 0),)


def test_terms_are_told_apart() -> None:
    assert parse('a !b ~c n=1|2 !tag:k "d e"') == (
        Text("a", False, 0),
        Not(Text("b", False, 3)),
        Text("c", True, 5),
        Compare("n", "=", ("1", "2"), 8),
        Not(Tag("k", "", (), 15)),
        Text("d e", False, 21),
    )


@settings(max_examples=200)
@given(
    value=st.one_of(
        st.text(st.characters(exclude_categories=("Cs",))),
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.booleans(),
        st.none(),
    )
)
def test_a_literal_is_the_value_itself(value: object) -> None:
    assert SCRATCH.execute(f"SELECT {literal(value)}").fetchall() == [(value,)]


def test_the_path_of_a_directory_is_no_filter(tmp_path: Path) -> None:
    assert parse(str(tmp_path)) == (Text(str(tmp_path), False, 0),)


@pytest.mark.parametrize(
    "text", ["state=running", "launched>2026-11-01", "launched>2026-11-01T10:00Z", "name~nowhere", "5"]
)
def test_what_a_filter_means_stays_unless_it_names_a_time_that_moves(text: str) -> None:
    assert not is_relative(text)


@pytest.mark.parametrize("text", ["launched>-2d", "!launched<now", "seen<14:02", "made>=yesterday", "a=b made<+1h"])
def test_a_filter_that_names_a_moving_time_is_resolved_again(text: str) -> None:
    assert is_relative(text)
