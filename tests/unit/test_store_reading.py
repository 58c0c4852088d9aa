"""Views, changes, details, series, results, SQL and audit: what readers get."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from store_world import (
    ACCOUNT,
    BOX,
    GROUP,
    PRICE,
    REGION,
    SCOPE,
    T0,
    WINDOWED,
    answer,
    at,
    covered,
    open_store,
    page,
    sweep,
    table,
)

from backends.model import IMPORTED, Column, Ref, Relation, Scope
from backends.store import NotFound, Query, QueryRefused, Run, Store, StoreError, StoreInterrupted, views

HERE = f"account={ACCOUNT} region={REGION}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def ref(identity: str, kind: str = BOX.name) -> str:
    return str(Ref(kind, ACCOUNT, REGION, identity))


def stream(data: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    return sink.getvalue()


def many(store: Store, count: int = 500) -> None:
    sweep(store, BOX, 0, [{"id": f"b{n:04d}", "name": f"n{n % 7}", "size": n} for n in range(count)])


def test_windows_are_slices_of_one_order(store: Store) -> None:
    many(store)
    whole = table(store, BOX, "id", limit=1000)
    assert len(whole) == 500
    pieces = [piece for offset in range(0, 500, 90) for piece in table(store, BOX, "id", offset=offset, limit=90)]
    assert pieces == whole
    assert answer(store, BOX, offset=10_000)["offset"] == 499


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ((("size", True),), "b0499"),
        ((("name", True), ("size", True)), "b0496"),
        ((("health", True), ("size", False)), "b0101"),
    ],
)
def test_rows_come_in_the_order_asked_for(store: Store, sort: tuple[tuple[str, bool], ...], first: str) -> None:
    many(store)
    assert table(store, BOX, "id", sort=sort, limit=1) == [first]


def test_the_window_follows_its_anchor(store: Store) -> None:
    many(store)
    sort = (("size", True),)
    found = answer(store, BOX, sort=sort, anchor=ref("b0100"), limit=20)
    assert found["anchor"] == 399
    assert found["rows"][found["anchor"] - found["offset"]][0] == ref("b0100")
    inside = answer(store, BOX, sort=sort, anchor=ref("b0498"), limit=20)
    assert (inside["offset"], inside["anchor"]) == (0, 1)
    assert answer(store, BOX, sort=sort, anchor=ref("gone"), offset=40, limit=20)["anchor"] is None
    with pytest.raises(StoreError, match="the form is"):
        answer(store, BOX, anchor="nonsense")


def test_a_view_is_resolved_once_and_again_when_the_data_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    many(store, 50)
    resolved = []
    put = store._shared.cache.put
    monkeypatch.setattr(store._shared.cache, "put", lambda key, view: (resolved.append(key), put(key, view)))
    for offset in range(0, 50, 10):
        answer(store, BOX, offset=offset, limit=10)
    assert len(resolved) == 1
    sweep(store, BOX, 1, [{"id": "b0001"}])
    assert answer(store, BOX)["total"] == 1
    assert len(resolved) == 2
    assert len(store._shared.cache) == 1, "the older version of the view is forgotten"


@pytest.mark.parametrize("wanted", ["", "size>100", "name~n3", "health=bad"])
def test_the_top_of_a_large_view_is_found_without_sorting_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setattr(views, "_LARGE", 100)
    monkeypatch.setattr(views, "_HEAD", 50)
    many(store)
    sort = (("name", True), ("size", False))
    sizes = [n for n in range(500) if wanted in ("", "name~n3") or n > 100]
    sizes = sorted((n for n in sizes if wanted != "name~n3" or n % 7 == 3), key=lambda n: (-(n % 7), n))

    def read(**place: Any) -> tuple[int, list[int]]:
        found = answer(store, BOX, filter=wanted, sort=sort, limit=20, **place)
        return found["total"], [row[found["columns"].index("size")] for row in found["rows"]]

    for offset in (0, 30, 31, 10, len(sizes) - 20):
        assert read(offset=offset) == (len(sizes), sizes[offset : offset + 20])
        whole = next(iter(store._shared.cache._views.values())).whole
        assert whole == (wanted == "name~n3" or offset not in (0, 30)), "only a window below the top sorts all"
    sweep(store, BOX, 1, [{"id": "new", "name": "n9", "size": 200}])
    left = [] if wanted == "name~n3" else [200]
    assert read() == (len(left), left), "what was known of the top is forgotten with the data that it was of"


def test_a_row_below_the_top_of_a_large_view_is_found_as_well(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_LARGE", 100)
    monkeypatch.setattr(views, "_HEAD", 50)
    many(store)
    places = {
        name: answer(store, BOX, sort=(("size", False),), anchor=ref(name))["anchor"] for name in ("b0020", "b0300")
    }
    assert places == {"b0020": 20, "b0300": 300}


def test_the_past_knows_its_last_good_sweep_however_long_before_the_instant_it_was(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 900, state="denied")
    sweep(store, GROUP, 1200, [{"id": "g1"}])

    def told(minutes: float, kind: str) -> tuple[str, str, str]:
        rows = json.loads(store.coverage(SCOPE, at(minutes)))["rows"]
        row = next(row for row in rows if row["kind"] == kind)
        return row["problem"][:18], (row["last_good"] or "")[11:16], (row["last_try"] or "")[11:16]

    assert told(1, BOX.name) == ("", "12:00", "12:00")
    for minutes, last in ((600, "12:00"), (901, "03:00"), (2000, "03:00")):
        assert told(minutes, BOX.name) == ("not observed since", "12:00", last)
    assert told(901, GROUP.name) == ("not observed befor", "", "")


def test_unknown_names_are_refused_with_those_there_are(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no kind 'lab\.nothing'"):
        store.rows(Query("lab.nothing", SCOPE))
    with pytest.raises(StoreError, match=r"'nmae'.*name"):
        store.parse_sort(BOX.name, "-nmae")
    with pytest.raises(StoreError, match="no column 'nmae' to sort by"):
        answer(store, BOX, sort=(("nmae", False),))
    assert store.parse_sort(BOX.name, "-size, name") == (("size", True), ("name", False))
    assert store.parse_sort(BOX.name, "-put_together") == (("made", True),), "a heading sorts like its column"


def test_widths_are_display_cells_of_most_rows(store: Store) -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"b{n:02d}", "name": "名前", "made": T0, "groups": ["ab", "cd"]} for n in range(99)
    ]
    sweep(store, BOX, 0, [*rows, {"id": "long", "name": "x" * 10_000}])
    widths = answer(store, BOX)["widths"]
    assert (widths["name"], widths["made"], widths["groups"], widths["id"]) == (4, 20, 6, 3)


def test_what_only_sums_up_others_has_changes_where_it_is_asked_for(tmp_path: Path) -> None:
    use = replace(BOX, name="lab.box_use", summary=True)
    store = open_store(tmp_path, (BOX, use))
    for kind in (BOX, use):
        sweep(store, kind, 0, [{"id": "b1"}])
        sweep(store, kind, 1, [])
    kinds = [
        [change["kind"] for change in json.loads(store.changes(at(0.5), at(9), named, SCOPE))["changes"]]
        for named in ([], [use.name])
    ]
    assert kinds == [[BOX.name], [use.name]]
    assert json.loads(store.home(SCOPE, at(2)))["changes_30m"] == 1
    store.close()


def test_changes_tell_fields_before_and_after_newest_first(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "name": "one", "tags": {"a": "1"}}, {"id": "b2"}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "one", "tags": {"a": "2"}, "hits": 5}, {"id": "b2"}])
    sweep(store, BOX, 2, [{"id": "b1", "name": "one", "tags": {"a": "2"}}, {"id": "b3", "name": "three"}])
    found = json.loads(store.changes(at(-1), at(9), [BOX.name], SCOPE))
    told = [
        (c["at"][11:16], c["what"], c["ref"], c["name"], c["fields"], c["not_before"][11:16]) for c in found["changes"]
    ]
    assert told == [
        ("12:02", "removed", ref("b2"), "b2", [], "12:01"),
        ("12:02", "added", ref("b3"), "three", [], "12:01"),
        ("12:01", "changed", ref("b1"), "one", [{"field": "tags", "before": {"a": "1"}, "after": {"a": "2"}}], "12:00"),
    ]
    assert found["truncated"] is False
    one = json.loads(store.changes(at(-1), at(9), [BOX.name], SCOPE, limit=1))
    assert (len(one["changes"]), one["truncated"]) == (1, True)
    assert json.loads(store.changes(at(1), at(1.5), [BOX.name], SCOPE))["changes"] == []
    assert json.loads(store.changes(at(-1), at(9), [GROUP.name], SCOPE))["changes"] == []


def test_changes_say_where_nobody_watched(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    gaps = json.loads(store.changes(at(0.5), at(30), [BOX.name], SCOPE))["unobserved"]
    place = {"account": ACCOUNT, "region": REGION, "kind": BOX.name}
    assert gaps == [place | {"since": "2026-11-20T12:00:06Z", "until": None, "times": 1, "seen": True}]
    sweep(store, BOX, 29, [{"id": "b1"}])
    ended = json.loads(store.changes(at(28.5), at(30), [BOX.name], SCOPE))["unobserved"]
    assert [gap["until"] for gap in ended] == ["2026-11-20T12:29:00Z"]
    assert json.loads(store.changes(at(29), at(30), [BOX.name], SCOPE))["unobserved"] == []
    never = {"since": None, "until": None, "times": 1}
    earlier = json.loads(store.changes(at(-9), at(-5), [BOX.name], SCOPE))
    assert (earlier["places"], earlier["unobserved"]) == (1, [place | never | {"seen": False}])
    between = json.loads(store.changes(at(10), at(20), [BOX.name], SCOPE))["unobserved"]
    assert [gap["seen"] for gap in between] == [False]
    begun = json.loads(store.changes(at(-9), at(0.5), [BOX.name], SCOPE))["unobserved"]
    assert begun == [place | never | {"seen": True}]


def test_a_resource_is_told_with_its_relations_raw_and_history(store: Store) -> None:
    sweep(store, GROUP, 0, [{"id": "g1", "name": "front"}, {"id": "g2"}])
    sweep(store, BOX, 0, [{"id": "b1", "name": "one", "groups": ["g1", "g2", "g9"], "raw": {"deep": [1]}}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "uno", "groups": ["g1", "g2", "g9"]}])
    found = json.loads(store.resource(ref("b1"), scope=SCOPE))
    assert found["row"]["name"] == "uno"
    wanted = {"filter": f"id=g1|g2|g9 {HERE}", "count": 2, "by": "groups"}
    assert found["relations"] == [{"title": "Groups", "kind": GROUP.name} | wanted]
    assert [v["changes"] for v in found["history"]] == [[{"field": "name", "before": "one", "after": "uno"}], []]
    past = json.loads(store.resource(ref("b1"), at=at(0.5)))
    assert (past["row"]["name"], past["raw"]) == ("one", {"Element": {"deep": [1]}})
    assert [v["to"] for v in past["history"]] == [None]
    back = json.loads(store.resource(ref("g1", GROUP.name)))["relations"]
    wanted = {"filter": f"groups=g1 {HERE}", "count": 1, "by": "their groups"}
    assert back == [{"title": "Boxes", "kind": BOX.name} | wanted]
    with pytest.raises(NotFound, match="is not known"):
        store.raw(ref("nothing"))
    with pytest.raises(NotFound, match="no kind"):
        store.resource(ref("b1", "lab.nothing"))


def test_a_resource_is_told_with_how_well_its_place_is_observed_and_one_that_is_not_there_too(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "name": "one"}])
    sweep(store, BOX, 1, state="denied")
    assert json.loads(store.resource(ref("b1")))["coverage"]["state"] == "denied"
    assert json.loads(store.resource(ref("b1"), at=at(0.5)))["coverage"]["state"] == "ok"
    with pytest.raises(NotFound, match=f"was not there at .*: {BOX.name} in {ACCOUNT}/{REGION} was observed then"):
        store.resource(ref("b2"), at=at(0.5))
    with pytest.raises(NotFound, match=r"is not known at .* was not observed before this instant"):
        store.resource(ref("b1"), at=at(-5))
    assert store.covered([BOX.name, GROUP.name], SCOPE, at(-5))["states"] == {"unobserved": 2}


def test_two_that_name_each_other_are_one_relation(tmp_path: Path) -> None:
    naming = replace(
        GROUP,
        columns=(*GROUP.columns, Column("boxes", "Boxes", "list")),
        relations=(Relation("boxes", BOX.name, "id"),),
    )
    with closing(open_store(tmp_path, kinds=(BOX, naming))) as store:
        sweep(store, BOX, 0, [{"id": "b1", "groups": ["g1"]}, {"id": "b2", "groups": ["g2"]}, {"id": "b3"}])
        sweep(store, naming, 0, [{"id": "g1", "boxes": ["b1"]}, {"id": "g2", "boxes": ["b3"]}])

        def filters(id: str, kind: str) -> list[str]:
            return [r["filter"] for r in json.loads(store.resource(ref(id, kind), scope=SCOPE))["relations"]]

        assert filters("g1", GROUP.name) == [f"id=b1 {HERE}"]
        assert filters("b1", BOX.name) == [f"id=g1 {HERE}"]
        assert filters("g2", GROUP.name) == [f"id=b3 {HERE}", f"groups=g2 {HERE}"], "as many, but others"


def test_a_name_relates_within_an_account_and_region_and_an_identifier_everywhere(tmp_path: Path) -> None:
    named = (Relation("name", GROUP.name, "name"), Relation("group_arn", GROUP.name, "name"))
    box = replace(BOX, columns=(*BOX.columns, Column("group_arn", "G")), relations=named)
    alias = replace(GROUP, name="lab.alias", regional=False)
    box = replace(box, relations=(*named, Relation("name", alias.name, "name")))
    elsewhere = ("us-east-1", ACCOUNT), (REGION, "444455556666"), ("us-east-1", "444455556666")
    scope = Scope.of([(ACCOUNT, REGION), *((account, region) for region, account in elsewhere)])
    with closing(open_store(tmp_path, kinds=(box, GROUP, alias))) as store:
        sweep(store, box, 0, [{"id": "b1", "name": "web", "group_arn": "web"}])
        for region, account in ((REGION, ACCOUNT), *elsewhere):
            sweep(store, GROUP, 0, [{"id": f"g-{region}-{account}", "name": "web"}], account=account, region=region)
        for account in (ACCOUNT, "444455556666"):
            sweep(store, alias, 0, [{"id": account, "name": "web"}], account=account, region="global")
        found = json.loads(store.resource(ref("b1", box.name), scope=scope))["relations"]
        aliased = json.loads(store.resource(Ref(alias.name, ACCOUNT, "global", ACCOUNT), scope=scope))["relations"]
    assert [(r["filter"], r["count"], r["by"]) for r in found] == [
        (f"name=web {HERE}", 1, "name"),
        ("name=web", 4, "group arn"),
        (f"name=web account={ACCOUNT}", 1, "name"),
    ]
    assert [(r["filter"], r["count"]) for r in aliased] == [(f"name=web account={ACCOUNT}", 1)]


def test_home_says_what_is_a_part_and_from_when_changes_are_known(store: Store) -> None:
    scope = Scope.of([(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (ACCOUNT, "ap-southeast-2")])

    def home(minutes: float) -> tuple[list[str], int | None, str | None]:
        found = json.loads(store.home(scope, at(minutes)))
        return found["partial"], found["changes_30m"], found["changes_since"]

    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 0, [], region="us-east-1", state="unsupported")
    assert home(1) == ([BOX.name, WINDOWED.name, GROUP.name, PRICE.name], None, None)
    sweep(store, BOX, 2, [], region="ap-southeast-2")
    sweep(store, BOX, 3, [])
    assert home(4) == ([WINDOWED.name, GROUP.name, PRICE.name], 1, "2026-11-20T12:00:00Z")
    assert home(50)[2] == "2026-11-20T12:20:00Z"


def test_counts_home_and_costs_add_up(store: Store) -> None:
    many(store, 120)
    sweep(store, BOX, 20, [{"id": f"b{n:04d}", "name": f"n{n % 7}", "size": n} for n in range(119)])
    sweep(store, WINDOWED, 0, [
        {"id": "1", "day": "2026-11-18", "service": "EC2", "amount": 2.0},
        {"id": "2", "day": "2026-11-20", "service": "EC2", "amount": 4.0},
        {"id": "3", "day": "2026-11-20", "service": "S3", "amount": 0.5},
    ])  # fmt: skip
    assert store.counts(SCOPE)[BOX.name] == 119
    assert store.counts(SCOPE, at(5))[BOX.name] == 120
    home = json.loads(store.home(SCOPE, at(25)))
    assert home["changes_by_kind"] == {BOX.name: 1}
    assert home["health"] == {BOX.name: {"bad": 18, "ok": 101}}
    assert {health: sum(why.values()) for health, why in home["health_why"][BOX.name].items()} == {"bad": 18, "ok": 101}
    assert "" not in home["health_why"][BOX.name]["bad"]
    costs = json.loads(store.costs(SCOPE, kind=WINDOWED.name))
    assert costs["days"] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert costs["services"] == [
        {"service": "EC2", "values": [2.0, None, 4.0], "total": 6.0},
        {"service": "S3", "values": [None, None, 0.5], "total": 0.5},
    ]
    assert costs["total"] == [2.0, None, 4.5]
    with pytest.raises(StoreError, match="not a kind of daily costs"):
        store.costs(SCOPE, kind=BOX.name)


def test_points_come_by_sweep_and_by_file_and_only_once(store: Store) -> None:
    sweep(store, PRICE, 0, [{"id": "z/p", "zone_id": "z", "product": "p", "at": at(0), "price": 1.0}])
    points = pa.table({
        "region": [REGION] * 3, "zone_id": ["z"] * 3, "product": ["p"] * 3, "at": [at(0), at(90), at(90)],
        "price": [1.0, 2.0, 2.0],
    })  # fmt: skip
    part = store.work / "part-1.arrow"
    with pa.OSFile(str(part), "wb") as file, pa.ipc.new_file(file, points.schema) as writer:
        writer.write_table(points)
    assert store.ingest_points("lab_price", [part]) == 1
    assert store.ingest_points("lab_price", stream(points)) == 0
    assert store.newest_point("lab_price", REGION) == at(90).replace(tzinfo=UTC)
    assert store.newest_point("lab_price", "us-east-1") is None
    told = json.loads(store.series("lab_price", f"{REGION}/z/p", at(60)))
    assert told["points"] == [["2026-11-20T12:00:00Z", 1.0], ["2026-11-20T13:30:00Z", 2.0]]
    assert json.loads(store.sparks("lab_price", [f"{REGION}/z/p"], at(150), 4)) == {
        f"{REGION}/z/p": [None, 1.0, 1.0, 2.0]
    }


def test_a_file_of_points_that_is_torn_or_elsewhere_leaves_nothing(store: Store, tmp_path: Path) -> None:
    good = pa.table({"region": [REGION], "zone_id": ["z"], "product": ["p"], "at": [T0], "price": [1.0]})
    whole, torn, outside = store.work / "a.arrow", store.work / "b.arrow", tmp_path / "c.arrow"
    for path in (whole, outside):
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, good.schema) as writer:
            writer.write_table(good)
    torn.write_bytes(whole.read_bytes()[:-20])
    for parts, sentence in (
        ([whole, torn], "cannot be read"),
        ([whole, outside], "outside the store's work directory"),
    ):
        with pytest.raises(StoreError, match=sentence):
            store.ingest_points("lab_price", parts)
    with pytest.raises(StoreError, match="lack price"):
        store.ingest_points("lab_price", stream(good.drop_columns(["price"])))
    assert store.points("lab_price").num_rows == 0


def test_results_keep_their_run_and_flag_their_resources(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}, {"id": "b2"}])
    frame = pa.table({
        "ref": [ref("b1"), ref("b2"), ref("b1")], "at": [at(0), at(-60 * 24 * 9), at(0)],
        "value": [1.0, float("nan"), 3.0],
        "severity": ["bad", "bad", "none"], "label": ["spike", "old", "quiet"],
    })  # fmt: skip
    first = store.save_run(Run("anomalies", "band", at(1), {"flagged": 2}), stream(frame))
    assert table(store, BOX, "id", "flags") == [["b1", [{"severity": "bad", "label": "spike"}]], ["b2", []]]
    assert table(store, BOX, "id", filter="flags~spike") == ["b1"]
    found = json.loads(store.results("anomalies", scope=SCOPE))
    assert (found["run"], found["model"], found["score"]) == (first, "band", {"flagged": 2})
    assert [row["value"] for row in found["rows"]] == [1.0, None, 3.0]
    assert json.loads(store.results("anomalies", scope=Scope.of([("9", REGION)])))["rows"] == []
    wider = frame.append_column("expected", pa.array([[1.0], None, [float("inf")]])).slice(2)
    second = store.save_run(Run("anomalies", "band", at(2)), stream(wider))
    assert table(store, BOX, "flags") == [[], []]
    assert json.loads(store.results("anomalies"))["rows"][0]["expected"] == [None]
    assert json.loads(store.results("anomalies", at=at(1)))["run"] == first
    assert [run["run"] for run in store.runs("anomalies")] == [second, first]
    assert json.loads(store.results("forecasts"))["rows"] == []


def test_older_runs_are_thinned_but_their_scores_stay(store: Store) -> None:
    frame = stream(pa.table({"market": [f"{REGION}/z/p"], "mean": [[1.0, 2.0]]}))
    for number in range(8):
        store.save_run(Run("forecasts", "m", at(number), {"n": number}), frame)
    assert [run["score"]["n"] for run in store.runs("forecasts")] == list(range(7, -1, -1))
    kept = json.loads(store.sql("SELECT count(DISTINCT _run) FROM results.forecasts"))["rows"]
    assert kept in ([[4]], [[5]]), "the newest three, and the first of each hour that they were made in"


def test_sql_reads_and_nothing_else(store: Store) -> None:
    many(store, 30)
    found = json.loads(store.sql("SELECT id, first_seen FROM lab_box ORDER BY id DESC -- newest", limit=2))
    assert (found["columns"], found["truncated"], found["kinds"]) == (["id", "first_seen"], True, ["lab.box"])
    assert found["rows"] == [["b0029", "2026-11-20T12:00:00Z"], ["b0028", "2026-11-20T12:00:00Z"]]
    assert found["coverage"]["states"] == {"ok": 1}
    for text in (
        "DELETE FROM own.audit", "CREATE TABLE x (a INTEGER)", "SET threads = 1", "SELECT 1; SELECT 2", "", "SELEC 1",
        "SELECT nextval('own.sweep_id')", "COPY lab_box TO 'x'", "commit; drop table own.meta", "EXPLAIN SELECT 1",
        "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM nowhere",
    ):  # fmt: skip
        with pytest.raises(QueryRefused):
            store.sql(text)
    assert json.loads(store.sql("SELECT 'nan'::DOUBLE, 1.5::DECIMAL(3, 1), DATE '2026-01-02'"))["rows"] == [
        [None, 1.5, "2026-01-02"]
    ]


def test_sql_of_an_instant_sees_what_was_known_then_and_refuses_what_tells_of_the_present_only(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "name": "one"}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "two"}, {"id": "b2", "name": "new"}])

    def told(text: str, minutes: float) -> tuple[list[Any], dict[str, int]]:
        answer = json.loads(store.sql(text, at=at(minutes)))
        return answer["rows"], answer["coverage"]["states"]

    names = "WITH named AS (SELECT name FROM Lab_Box) SELECT name FROM named ORDER BY name"
    assert told(names, 0.5) == ([["one"]], {"ok": 1})
    assert told(names, 1.5) == ([["new"], ["two"]], {"ok": 1})
    assert told("SELECT count(*) FROM lab_box a, (SELECT id FROM lab_box) b", -5) == ([[0]], {"unobserved": 1})
    assert json.loads(store.sql("SELECT count(*) FROM lab_box"))["rows"] == [[2]], "the next one sees the present again"
    sweep(store, BOX, 2, state="denied", account=IMPORTED)
    assert told("SELECT 1 FROM lab_box", 0.5)[1] == {"ok": 1}, "nobody waited for an import"
    for text in ("SELECT * FROM main.lab_box", "SELECT * FROM lab_box, own.flag", "SELECT * FROM results.forecasts"):
        with pytest.raises(
            QueryRefused, match=r"^(main\.lab_box|own\.flag|results\.forecasts) tells of the present only"
        ):
            store.sql(text, at=at(0.5))


def test_what_a_select_reads_is_not_hidden_in_a_text(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    hidden = "json_execute_serialized_sql(json_serialize_sql('SELECT * FROM lab_box'))"
    for function in ("query('SELECT * FROM lab_box')", "Query_Table('lab_box')", hidden):
        for when in (None, at(-5)):
            with pytest.raises(QueryRefused, match=r"^[a-z_]+\(\) hides what is read; write its SELECT"):
                store.sql(f"SELECT (SELECT count(*) FROM {function})", at=when)
    assert json.loads(store.sql("SELECT count(*) FROM range(3)"))["rows"] == [[3]]


def test_a_select_makes_no_value_larger_than_memory(store: Store) -> None:
    for text in ("unnest(range(100000000))", "Repeat('x', 2000000000)", "len(generate_series(1, 1e9::BIGINT))"):
        with pytest.raises(QueryRefused, match=r"^[a-z_]+\(\) would make over 1,000,000 values at once"):
            store.sql(f"SELECT {text}")
    in_turn = "SELECT max(r), len(range(9)), repeat('ab', max(r) // 1_000_000) FROM range(3000000) AS t(r)"
    assert json.loads(store.sql(in_turn))["rows"] == [[2999999, 9, "abab"]]


def test_an_unwanted_query_is_interrupted_and_its_reader_lives_on(store: Store) -> None:
    reader = store.reader()
    slow = "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE hash(a.range + b.range) = 7"
    failures: list[Exception] = []

    def run() -> None:
        try:
            reader.sql(slow)
        except StoreInterrupted as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        reader.interrupt()
        time.sleep(0.01)
    assert len(failures) == 1
    assert json.loads(reader.sql("SELECT 1"))["rows"] == [[1]]
    reader.close()


def test_whenever_a_reader_is_interrupted_it_is_told_and_the_next_read_is_whole(store: Store) -> None:
    reader = store.reader()
    for turn in range(150):
        ends: list[Exception] = []

        def run(ends: list[Exception] = ends) -> None:
            try:
                reader.sql("SELECT sum(range) FROM range(300000)")
            except Exception as error:
                ends.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(turn * 2e-5)
        while thread.is_alive():
            reader.interrupt()
            time.sleep(turn * 1e-6)
        assert {type(end) for end in ends} <= {StoreInterrupted}
        assert reader.watched() == Scope.of([])
        assert json.loads(reader.sql("SELECT 1"))["rows"] == [[1]]
    reader.close()


def test_readers_see_whole_pages_while_the_writer_writes(store: Store) -> None:
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        reader = store.reader()
        while not stop.is_set():
            seen.add(json.loads(reader.rows(Query(BOX.name, SCOPE, limit=1)))["total"])
        reader.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    number = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(0))
    for start in range(0, 400, 40):
        store.ingest(number, page(BOX, [{"id": f"b{n}"} for n in range(start, start + 40)]))
    store.finish_sweep(number, covered(BOX), at(1))
    stop.set()
    for thread in threads:
        thread.join()
    assert all(total % 40 == 0 for total in seen)
    assert answer(store, BOX)["total"] == 400


def test_the_audit_trail_only_grows(store: Store) -> None:
    def record(sequence: int) -> dict[str, Any]:
        return {
            "sequence": sequence,
            "previous": f"h{sequence - 1}",
            "hash": f"h{sequence}",
            "at": "2026-11-20T12:00:00Z",
            "é": "x",
        }

    assert [store.add_audit(record(n)) for n in (1, 2, 3)] == [1, 2, 3]
    for wrong, sentence in ((record(3), "does not follow record 3"), ({"sequence": 4}, "cannot be kept")):
        with pytest.raises(StoreError, match=sentence):
            store.add_audit(wrong)
    assert store.audit_records() == [record(1), record(2), record(3)]
    assert [r["sequence"] for r in json.loads(store.audit(limit=2))["records"]] == [3, 2]
    assert [r["sequence"] for r in json.loads(store.audit(before=2))["records"]] == [1]


def test_pruning_takes_what_is_old_and_leaves_the_present(store: Store) -> None:
    for minutes, name in ((0, "one"), (1, "two"), (60 * 24 * 80, "three")):
        sweep(store, BOX, minutes, [{"id": "b1", "name": name}])
    assert store.prune(at(60 * 24 * 100)) > 0
    newest = store.history(ref("b1"))[0]
    assert newest["changes"] == [{"field": "name", "before": "two", "after": "three"}]
    assert table(store, BOX, "name") == ["three"]
    assert store.checkpoint() is True


def test_a_table_for_analytics_has_the_types_of_its_columns(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "size": 1, "price": 2.0, "made": T0, "groups": ["a"], "tags": {"k": "v"}}])
    found = store.table(BOX.name, SCOPE)
    assert found.schema.field("made").type == pa.timestamp("us")
    assert found.schema.field("groups").type.value_type == pa.string()
    assert found.select(["ref", "size", "price", "tags"]).to_pylist() == [
        {"ref": ref("b1"), "size": 1, "price": 2.0, "tags": '{"k": "v"}'}
    ]
    assert store.table(BOX.name, SCOPE, at(-1)).num_rows == 0
    few = ["ref", "account", "region", "id", "seen", "size", "groups"]
    assert store.table(BOX.name, SCOPE, only=["size", "groups"]).equals(found.select(few))
    assert store.table(BOX.name, SCOPE, at(0.5), only=[]).column_names == few[:5]
