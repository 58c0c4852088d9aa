"""Writing a view to a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def default_name(view: str) -> str:
    """`quarterdeck-ec2.instance-20261123T140211Z.csv`."""
    return f"quarterdeck-{view}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv"


async def write(name: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write the rows; a sentence that says what was written. OSError, or ValueError for a name of neither format."""
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"{name} ends in neither .csv nor .json; one of them says which format is meant.")
    return await asyncio.to_thread(_write, path, list(names), list(rows))


def _write(path: Path, names: list[str], rows: list[Sequence[Any]]) -> str:
    import json

    path = path.expanduser()
    with path.open("x", encoding="utf-8", newline="") as out:
        if path.suffix.lower() == ".json":
            json.dump([dict(zip(names, row, strict=False)) for row in rows], out, ensure_ascii=False, indent=1)
        else:
            import csv

            table = csv.writer(out)
            table.writerow(names)
            table.writerows([[_cell(value) for value in row] for row in rows])
    return f"{len(rows)} rows written to {path.absolute()}"


def _cell(value: Any) -> Any:
    """A value as a spreadsheet may safely open it: a name from AWS that looks like a formula stays text."""
    if isinstance(value, list | dict):
        import json

        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def spill(text: str) -> Path:
    """Write what does not fit the clipboard into a private temporary file."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="quarterdeck-", suffix=".txt", delete=False, encoding="utf-8") as out:
        out.write(text)
    return Path(out.name)
