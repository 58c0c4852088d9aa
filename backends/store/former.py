"""What of the version before was otherwise, told by the card of the one that followed it.

So a change is told from one card, which lies beside those of the other changes of its sweep, and not from two of which
the older may lie anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column

Array = np.ndarray[Any, np.dtype[Any]]
Former = tuple[int, dict[str, Any]]
"""The number of the card before, and of the columns that differed what they were, as JSON has them. It holds of that
card only: what followed what is another thing once days were thinned."""


def told(before: pa.Table, differing: Mapping[Column, Array]) -> pa.Array:
    """The text of the `Former` of each version in `before`, whose columns differ from the next one's where a mask says
    so."""
    cells: list[list[str]] = [[] for _ in range(before.num_rows)]
    for column, mask in differing.items():
        rows = np.flatnonzero(mask)
        name = json.dumps(column.name)
        for row, text in zip(
            rows.tolist(), _texts(before.column(column.name).take(pa.array(rows)), column.type), strict=True
        ):
            cells[row].append(f"{name}:{text}")
    cards = before.column("_card").to_pylist()
    return pa.array([f"[{card},{{{','.join(each)}}}]" for card, each in zip(cards, cells, strict=True)], pa.string())


def _texts(values: pa.ChunkedArray, type_: str) -> Sequence[str]:
    """Cells as JSON, as cards have them."""
    if type_ == "tags":
        # Whatever stands between their parts, a line has no tabs and no ends of lines.
        return ["null" if text is None else json.dumps(json.loads(text)) for text in values.to_pylist()]
    if type_ == "time":
        # Not by way of Python's datetimes, which end with the year 9999.
        whole = pc.floor_temporal(values, unit="millisecond").cast(pa.timestamp("ms"))
        values = pc.replace_substring(pc.strftime(whole, format="%Y-%m-%dT%H:%M:%SZ"), ".000Z", "Z")
    return [json.dumps(value, ensure_ascii=False) for value in values.to_pylist()]


def read(text: str) -> Former:
    """The reverse of `told`."""
    card, cells = json.loads(text)
    return card, cells
