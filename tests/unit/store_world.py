"""A small kind and the pages, sweeps and reads that the store's tests are made of."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from backends.blocks import packed
from backends.model import Call, Column, Coverage, CoverageState, Health, Kind, Relation, Rule, Scope, Series
from backends.store import Query, Store

ACCOUNT, REGION = "111122223333", "eu-west-1"
T0 = datetime(2026, 11, 20, 12, 0, 0)
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us"),
    "tags": pa.string(),
    "list": pa.list_(pa.string()),
}
BOX = Kind(
    name="lab.box",
    title="Boxes",
    service="lab",
    calls=(Call("DescribeBoxes", "Boxes"),),
    key=("id",),
    columns=(
        Column("name", "Name"),
        Column("size", "Size", "integer"),
        Column("price", "Price", "number"),
        Column("open", "Open", "boolean"),
        Column("made", "Made", "time", title="Put together"),
        Column("groups", "Groups", "list"),
        Column("tags", "Tags", "tags"),
        Column("hits", "Hits", "integer", volatile=True),
    ),
    cadence=60,
    health=(Rule(Health.BAD, "size>100", "too big"), Rule(Health.WARN, "name~odd", "odd name")),
    relations=(Relation("groups", "lab.group"),),
    sort="name",
)
GROUP = Kind(
    name="lab.group",
    title="Groups",
    service="lab",
    calls=(Call("DescribeGroups", "Groups"),),
    key=("id",),
    columns=(Column("name", "Name"),),
    cadence=60,
)
PRICE = Kind(
    name="lab.price",
    title="Prices",
    service="lab",
    calls=(Call("DescribePrices", "Prices"),),
    key=("zone_id", "product"),
    columns=(Column("zone_id", "Z"), Column("product", "P"), Column("at", "T", "time"), Column("price", "V", "number")),
    series=Series("lab_price", "at", "price", 30),
    cadence=60,
)
WINDOWED = Kind(
    name="lab.cost",
    title="Costs",
    service="lab",
    calls=(Call("GetCosts", "Costs"),),
    key=("day", "service"),
    columns=(Column("day", "D"), Column("service", "S"), Column("amount", "A", "number")),
    closes=False,
    regional=False,
    cadence=60,
)
KINDS = (BOX, GROUP, PRICE, WINDOWED)
SCOPE = Scope.of([(ACCOUNT, REGION)])


def at(minutes: float) -> datetime:
    """The lab's clock."""
    return T0 + timedelta(minutes=minutes)


def page(kind: Kind, elements: Iterable[dict[str, Any]]) -> bytes:
    """Elements {"id", column: value…} as the collector sends them; what is not given is null."""
    items = list(elements)
    arrays: dict[str, pa.Array] = {"id": pa.array([e["id"] for e in items], pa.string())}
    for column in kind.columns:
        values = [e.get(column.name) for e in items]
        if column.type == "tags":
            values = [json.dumps(v, sort_keys=True) if isinstance(v, dict) else v for v in values]
        arrays[column.name] = pa.array(values, ARROW[column.type])
    raw = [zlib.compress(json.dumps({"Element": e.get("raw", e)}, sort_keys=True, default=str).encode()) for e in items]
    arrays["raw"] = pa.array(raw, pa.binary())
    table = pa.table(arrays)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def in_blocks(sizes: dict[str, int], block: int = 3) -> bytes:
    """Boxes of those sizes with raw elements, so many to a block, hashed by what they are."""
    texts = [json.dumps({"Id": id_, "Size": size}).encode() for id_, size in sizes.items()]
    raw: list[bytes | None] = [None] * len(texts)
    places: list[int] = []
    for first in range(0, len(texts), block):
        raw[first] = packed(b"".join(texts[first : first + block]))
        places += [sum(map(len, texts[first:place])) for place in range(first, min(first + block, len(texts)))]
    columns: dict[str, Any] = {"id": list(sizes), "name": list(sizes), "size": list(sizes.values())}
    columns |= {"hash": pa.array([_told(text) for text in texts], pa.uint64()), "raw": pa.array(raw, pa.binary())}
    columns |= {"raw_at": pa.array(places, pa.int32()), "raw_size": pa.array(list(map(len, texts)), pa.int32())}
    for column in BOX.columns:
        columns.setdefault(column.name, pa.nulls(len(texts), ARROW[column.type]))
    arrow = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return sink.getvalue().to_pybytes()


def _told(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest())


def open_store(directory: Path, kinds: Iterable[Kind] = KINDS) -> Store:
    return Store.open(directory / "store.duckdb", kinds, identity=("aws", ""))


def covered(kind: Kind, state: str = "ok", problem: str = "", account: str = ACCOUNT, region: str = REGION) -> Coverage:
    return Coverage(account, region if kind.regional else "global", kind.name, CoverageState(state), problem, calls=1)


def sweep(
    store: Store,
    kind: Kind,
    minutes: float,
    *pages: Iterable[dict[str, Any]],
    state: str = "ok",
    account: str = ACCOUNT,
    region: str = REGION,
) -> Any:
    """One whole sweep that begins at `minutes` and takes six seconds."""
    region = region if kind.regional else "global"
    number = store.begin_sweep(account, region, kind.name, at(minutes))
    for elements in pages:
        store.ingest(number, page(kind, elements))
    return store.finish_sweep(number, covered(kind, state, account=account, region=region), at(minutes + 0.1))


def answer(store: Store, kind: Kind, **wanted: Any) -> dict[str, Any]:
    """The parsed answer of one read."""
    found: dict[str, Any] = json.loads(store.rows(Query(kind.name, wanted.pop("scope", SCOPE), **wanted)))
    return found


def table(store: Store, kind: Kind, *columns: str, **wanted: Any) -> list[Any]:
    """The rows of one read, cut to the named columns; single values where only one is named."""
    found = answer(store, kind, **wanted)
    places = [found["columns"].index(name) for name in columns]
    return [row[places[0]] if len(places) == 1 else [row[p] for p in places] for row in found["rows"]]
