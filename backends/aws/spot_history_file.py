"""Spot price history from files: python -m backends.aws.spot_history_file --out DIR FILE…

Reads what `aws ec2 describe-spot-price-history` prints: JSON, also several documents one after another, also gzipped,
of any size in bounded memory. Writes DIR/part-*.arrow, Arrow IPC files with the columns region, zone, zone_id,
instance_type, product, changed (UTC) and price, and progress to stdout, one JSON object a line:

    {"file", "bytes", "total", "points"}                     bytes read of the file's total, points of all files so far
    {"done": true, "points", "files", "parts": […]}          the end
    {"error": "… at byte N (line L): …"}                     exit code 1; DIR holds no part then
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pyarrow as pa

from backends.aws.json_stream import ArrayReader, Malformed
from backends.model import Json

SCHEMA = pa.schema(
    [
        ("region", pa.utf8()),
        ("zone", pa.utf8()),
        ("zone_id", pa.utf8()),
        ("instance_type", pa.utf8()),
        ("product", pa.utf8()),
        ("changed", pa.timestamp("us")),
        ("price", pa.float64()),
    ]
)
_CHUNK = 1 << 16
_BATCH_ROWS = 32_768
_PART_ROWS = 1 << 20
_GZIP = b"\x1f\x8b"
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+")
_LONGEST_FIELD = 128

Row = tuple[str, str, str, str, str, datetime, float]
Progress = Callable[[Json], None]


class BadFile(Exception):
    """A file that cannot be read; the text is one sentence with the file's name and, where there is one, the place."""


class Parts:
    """Writes points to numbered parts, a batch at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[Row] = []
        self._in_part = 0
        self._writer: Any = None
        self.paths: list[Path] = []
        self.points = 0

    def add(self, row: Row) -> bool:
        """Takes a point; True when a batch was written."""
        self._rows.append(row)
        self.points += 1
        if len(self._rows) < _BATCH_ROWS:
            return False
        self._write()
        return True

    def close(self) -> None:
        """Writes what is left."""
        if self._rows:
            self._write()
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Leaves no part behind."""
        if self._writer is not None:
            self._writer.close()
        for path in self._directory.glob("part-*.arrow"):
            path.unlink()

    def _write(self) -> None:
        if self._writer is None or self._in_part >= _PART_ROWS:
            if self._writer is not None:
                self._writer.close()
            self.paths.append(self._directory / f"part-{len(self.paths):05d}.arrow")
            self._writer, self._in_part = pa.ipc.new_file(str(self.paths[-1]), SCHEMA), 0
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
        self._in_part += len(self._rows)
        self._rows = []


def point(element: Any) -> Row:
    """One element of SpotPriceHistory as a row of `SCHEMA`. ValueError says what is wrong with it.

    AWS tells the zone's id only since 2025; where it is missing, the zone's name stands for it.
    """
    if not isinstance(element, dict):
        raise ValueError("an entry of SpotPriceHistory is not an object")
    zone = _text(element, "AvailabilityZone")
    region = _REGION.match(zone)
    if region is None:
        raise ValueError(f"the AvailabilityZone {zone!r} names no region")
    zone_id = _text(element, "AvailabilityZoneId") if element.get("AvailabilityZoneId") else zone
    kind, product = _text(element, "InstanceType"), _text(element, "ProductDescription")
    return region[0], zone, zone_id, kind, product, _instant(element.get("Timestamp")), _price(element.get("SpotPrice"))


def _text(element: Json, name: str) -> str:
    value = element.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST_FIELD or not value.isprintable():
        raise ValueError(f"an entry's {name} is missing or not a short text")
    return value


def _instant(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"the Timestamp {str(value)[:40]!r} is not an instant") from None


def _price(value: Any) -> float:
    try:
        price = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        price = math.nan
    if not (math.isfinite(price) and price >= 0):
        raise ValueError(f"the SpotPrice {str(value)[:40]!r} is not a price")
    return price


def read_file(path: Path, parts: Parts, progress: Progress) -> None:
    """Adds the points of one file to `parts`. BadFile names the file and where it goes wrong."""
    try:
        with path.open("rb") as raw:
            total = path.stat().st_size
            said = {"file": str(path), "total": total}
            progress(said | {"bytes": 0, "points": parts.points})
            reader = ArrayReader(_chunks(raw), "SpotPriceHistory")
            for element in reader:
                try:
                    row = point(element)
                except ValueError as error:
                    raise reader.fault(str(error)) from None
                if parts.add(row):
                    progress(said | {"bytes": raw.tell(), "points": parts.points})
            if not reader.documents:
                raise BadFile(f"{path} at byte 0 (line 1): the file is empty.")
            progress(said | {"bytes": total, "points": parts.points})
    except Malformed as error:
        hint = "; it should be what `aws ec2 describe-spot-price-history` prints"
        raise BadFile(f"{path} {error}{hint}.") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}.") from None


def _chunks(raw: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes, unpacked where it begins like gzip."""
    packed = raw.read(2) == _GZIP
    raw.seek(0)
    source: Any = gzip.GzipFile(fileobj=raw) if packed else raw
    read = 0
    while True:
        try:
            chunk = source.read(_CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            what = "the packed file is cut off" if isinstance(error, EOFError) else "the packed file is damaged"
            raise Malformed(f"{what} (packed byte {raw.tell()}; the byte counts what was unpacked)", read, 1) from None
        if not chunk:
            return
        read += len(chunk)
        yield chunk


def convert(paths: list[Path], directory: Path, progress: Progress) -> Json:
    """Reads all files into parts and gives the closing line. BadFile: no part is left behind."""
    directory.mkdir(parents=True, exist_ok=True)
    parts = Parts(directory)
    try:
        for path in paths:
            read_file(path, parts, progress)
        parts.close()
    except BaseException:
        parts.discard()
        raise
    return {"done": True, "points": parts.points, "files": len(paths), "parts": [str(path) for path in parts.paths]}


def _interrupted(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """0 done, 1 a file was bad, 2 wrong arguments, 130 interrupted."""
    if len(arguments) < 3 or arguments[0] != "--out":
        sys.stderr.write("usage: python -m backends.aws.spot_history_file --out DIR FILE…\n")
        return 2
    signal.signal(signal.SIGTERM, _interrupted)
    output = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)

    def say(line: Json) -> None:
        output.write(json.dumps(line) + "\n")

    try:
        say(convert([Path(name) for name in arguments[2:]], Path(arguments[1]), say))
    except BadFile as error:
        say({"error": str(error)})
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
