"""JSON lines on stdin, Parquet on stdout: `python -m backends.parquet`.

The first line is [[column, type], …] with the types of `backends.model.ColumnType`, each other line one row. Times are
timestamp[us] in UTC, tags stay JSON text, lists are lists of text.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from backends.model import ColumnType

BATCH = 10_000

_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.utf8(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us"),
    "tags": pa.utf8(),
    "list": pa.list_(pa.utf8()),
}


def convert(lines: IO[str], out: IO[bytes]) -> int:
    """Write every row; the number of rows. Memory is bounded by one batch."""
    header: list[tuple[str, ColumnType]] = json.loads(next(lines))
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in header])
    total = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while batch := [json.loads(line) for line in islice(lines, BATCH)]:
            columns = [[_value(row[n], kind) for row in batch] for n, (_, kind) in enumerate(header)]
            writer.write_batch(
                pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
            )
            total += len(batch)
    return total


def _value(value: Any, kind: ColumnType) -> Any:
    """One JSON value as Arrow wants it for that type."""
    if value is None:
        return None
    if kind == "time":
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if kind in ("text", "tags") and not isinstance(value, str):
        return json.dumps(value, sort_keys=True)
    if kind == "list":
        return [str(item) for item in value]
    return value


if __name__ == "__main__":
    try:
        convert(sys.stdin, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()
