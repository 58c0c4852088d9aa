"""AWS's Spot advisor from its file: python -m backends.aws.spot_advisor_file --out DIR [--as-of T] FILE…

Reads the JSON that AWS publishes for its Spot advisor page, also gzipped: `spot_advisor` is region → operating system →
type → {"s": savings in %, "r": band}. The file says nothing of its own day: `--as-of`, else the day it was last
written. Writes DIR/part-00000.arrow with the columns of `SCHEMA`, and one JSON object to stdout: {"done": true,
"points", "files"}, or {"error"} with exit code 1, and then no part.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("region", pa.utf8()),
        ("instance_type", pa.utf8()),
        ("os", pa.utf8()),
        ("band", pa.int64()),
        ("interruptions", pa.utf8()),
        ("savings", pa.float64()),
        ("as_of", pa.timestamp("us")),
    ]
)
BANDS = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
"""How many instances were taken back in a month, by band."""
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+")
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_LARGEST = 256 << 20
_GZIP = b"\x1f\x8b"
_SYSTEMS = ("Linux", "Windows")

Row = tuple[str, str, str, int, str, float | None, datetime]


class BadFile(Exception):
    """A file that cannot be read; the text is one sentence with the file's name."""


def read_file(path: Path, as_of: datetime | None = None) -> list[Row]:
    """The rows of one file. BadFile says what is wrong with it."""
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
        if len(data) > _LARGEST:
            raise BadFile(f"{path} is too large for the Spot advisor's file.")
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None, microsecond=0)
        found = json.loads(data)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise BadFile(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is not JSON: {error}.") from None
    advisor = found.get("spot_advisor") if isinstance(found, dict) else None
    if not isinstance(advisor, dict) or not advisor:
        raise BadFile(f"{path} has no spot_advisor; it should be the Spot advisor's own JSON.")
    try:
        if rows := list(_rows(advisor, as_of or written)):
            return rows
        raise ValueError("it names no types")
    except ValueError as error:
        raise BadFile(f"{path}: {error}.") from None


def _rows(advisor: dict[str, Any], as_of: datetime) -> Iterator[Row]:
    for region, systems in advisor.items():
        if not _REGION.fullmatch(region) or not isinstance(systems, dict):
            raise ValueError(f"{region[:40]!r} is not a region with operating systems")
        for system, types in systems.items():
            if system not in _SYSTEMS or not isinstance(types, dict):
                raise ValueError(f"{system[:40]!r} in {region} is not an operating system with types")
            for name, told in types.items():
                yield _row(region, system, name, told, as_of)


def _row(region: str, system: str, name: str, told: Any, as_of: datetime) -> Row:
    band = told.get("r") if isinstance(told, dict) else None
    if not _TYPE.fullmatch(name) or not isinstance(band, int) or isinstance(band, bool) or not 0 <= band < len(BANDS):
        raise ValueError(f"{name[:40]!r} in {region} has no band from 0 to {len(BANDS) - 1}")
    savings = told.get("s")
    known = isinstance(savings, int | float) and not isinstance(savings, bool) and 0 <= savings <= 100
    return region, name, system, band, BANDS[band], float(savings) if known else None, as_of


def convert(paths: list[Path], directory: Path, as_of: datetime | None) -> dict[str, Any]:
    """Reads all files into one part and gives the closing line. BadFile: no part is left behind."""
    rows = [row for path in paths for row in read_file(path, as_of)]
    directory.mkdir(parents=True, exist_ok=True)
    arrays = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    with pa.ipc.new_file(str(directory / "part-00000.arrow"), SCHEMA) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
    return {"done": True, "points": len(rows), "files": len(paths)}


def main(arguments: list[str]) -> int:
    """0 done, 1 a file was bad, 2 wrong arguments."""
    if len(arguments) < 3 or arguments[0] != "--out":
        sys.stderr.write("usage: python -m backends.aws.spot_advisor_file --out DIR [--as-of T] FILE…\n")
        return 2
    directory, rest, as_of = Path(arguments[1]), arguments[2:], None
    try:
        if rest[0] == "--as-of":
            as_of = datetime.fromisoformat(rest[1])
            as_of = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
            rest = rest[2:]
        line = convert([Path(name) for name in rest], directory, as_of)
    except BadFile as error:
        line = {"error": str(error)}
    except (ValueError, IndexError):
        line = {"error": "--as-of is not an instant such as 2026-11-20T14:00Z."}
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if "error" in line else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
