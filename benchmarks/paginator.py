"""The baseline of collecting: a plain aioboto3 paginator that writes the same columns and raw elements into DuckDB.

python -m benchmarks.paginator KIND FILE, the endpoint in the environment; prints its CPU seconds, rows and peak memory.
One page after another; every value by the kind's own paths, compiled once; one insert a page.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import zlib
from typing import Any

import aioboto3
import duckdb
import pyarrow as pa

from backends.aws.convert import CONVERTERS
from backends.aws.expressions import compiled
from backends.aws.kinds import KINDS
from backends.model import Kind
from benchmarks.canned import REGION

TYPES = {"text": pa.utf8(), "tags": pa.utf8(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
TYPES |= {"time": pa.timestamp("us"), "list": pa.list_(pa.utf8())}


async def instances(client: Any) -> Any:
    async for page in client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 1000}):
        yield [
            instance | {name: outer.get(name) for name in ("ReservationId", "OwnerId", "RequesterId")}
            for outer in page["Reservations"]
            for instance in outer["Instances"]
        ]


async def prices(client: Any) -> Any:
    for zone in (await client.describe_availability_zones())["AvailabilityZones"]:
        paginator = client.get_paginator("describe_spot_price_history")
        wanted = {
            "AvailabilityZone": zone["ZoneName"],
            "ProductDescriptions": ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
        }
        async for page in paginator.paginate(**wanted, PaginationConfig={"PageSize": 1000}):
            yield [point | {"ZoneId": zone["ZoneId"]} for point in page["SpotPriceHistory"]]


def table(kind: Kind, elements: list[Any]) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for column in kind.columns:
        read, convert = compiled(column.path), CONVERTERS[column.type]
        values = [None if (value := read(element)) is None else convert(value) for element in elements]
        columns[column.name] = pa.array(values, TYPES[column.type])
    raw = [zlib.compress(json.dumps(element, default=str).encode(), 1) for element in elements]
    return pa.table(columns | {"raw": pa.array(raw, pa.binary())})


async def main(kind: Kind, file: str) -> None:
    connection, made = duckdb.connect(file, config={"threads": 2}), False
    async with aioboto3.Session(region_name=REGION).client("ec2") as client:
        async for elements in (instances if kind.name == "ec2.instance" else prices)(client):
            connection.register("page", table(kind, elements))
            connection.execute("INSERT INTO kept SELECT * FROM page" if made else "CREATE TABLE kept AS FROM page")
            made = True
    rows = connection.execute("SELECT count(*) FROM kept").fetchall()[0][0]
    connection.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "rows": rows, "peak": used.ru_maxrss / 1024}))


if __name__ == "__main__":
    asyncio.run(main(next(kind for kind in KINDS if kind.name == sys.argv[1]), sys.argv[2]))
