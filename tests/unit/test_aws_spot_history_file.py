"""Spot price history files: any cutting, any number of documents, bounded memory, and one clear error or none."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.aws import spot_history_file
from backends.aws.json_stream import ArrayReader, Malformed
from backends.aws.spot_history_file import SCHEMA, BadFile, convert, point

ENTRY = {
    "AvailabilityZone": "us-east-1a",
    "AvailabilityZoneId": "use1-az6",
    "InstanceType": "m5.large",
    "ProductDescription": "Linux/UNIX",
    "SpotPrice": "0.034500",
    "Timestamp": "2026-11-20T14:02:11+00:00",
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.fixed_dictionaries(
    {"H": st.lists(VALUES, max_size=5)}, optional={"NextToken": VALUES, "x\u00fc": VALUES}
)


def pieces(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    stream = io.BytesIO(data)
    for size in sizes:
        yield stream.read(size)
    while piece := stream.read(7):
        yield piece


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@given(
    st.lists(DOCUMENTS, max_size=4),
    st.lists(st.integers(0, 40), max_size=60),
    st.sampled_from(["", "\n", " \r\n\t"]),
    st.sampled_from([None, 4]),
    st.booleans(),
)
def test_elements_of_any_documents_cut_anyhow_are_what_json_reads(
    documents: list[Any], sizes: list[int], between: str, indent: int | None, ascii_only: bool
) -> None:
    text = between.join(json.dumps(document, indent=indent, ensure_ascii=ascii_only) for document in documents)
    data = text.encode("utf-8", "surrogatepass")
    reader = ArrayReader(pieces(data, sizes), "H")
    assert list(reader) == [element for document in documents for element in document["H"]]
    assert reader.documents == len(documents)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_rubbish_is_malformed_at_a_place_inside_it_or_blank(data: bytes) -> None:
    try:
        assert list(ArrayReader(iter([data]), "H")) == []
        assert not data.decode().strip("\ufeff \t\r\n")
    except Malformed as error:
        assert 0 <= error.byte <= len(data)
        assert 1 <= error.line <= data.count(b"\n") + 1


@given(st.integers(1, 10_000), st.lists(st.integers(0, 40), max_size=20))
def test_a_document_that_is_cut_off_is_never_taken_for_whole(cut: int, sizes: list[int]) -> None:
    data = json.dumps({"NextToken": "t", "SpotPriceHistory": [ENTRY, ENTRY]}, indent=2).encode()
    cut = 1 + cut % (len(data) - 1)
    with pytest.raises(Malformed, match=r"at byte \d+ \(line \d+\)"):
        list(ArrayReader(pieces(data[:cut], sizes), "SpotPriceHistory"))


def test_one_element_without_end_is_refused_before_it_fills_the_memory() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"H": ["'
        for _ in range(100_000):
            yield b"x" * 65_536

    tracemalloc.start()
    with pytest.raises(Malformed):
        list(ArrayReader(endless(), "H"))
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Malformed):
        list(ArrayReader(iter([b'{"H": ' + b"[" * 200_000]), "H"))


def test_reading_a_long_file_takes_no_more_memory_than_a_short_one() -> None:
    def documents(count: int) -> Iterator[bytes]:
        page = json.dumps({"SpotPriceHistory": [ENTRY] * 100, "NextToken": "n"}).encode()
        for _ in range(count):
            yield page

    peaks = []
    for count in (5, 100):
        tracemalloc.start()
        assert sum(1 for _ in ArrayReader(documents(count), "SpotPriceHistory")) == 100 * count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


def test_files_become_parts_with_progress(tmp_path: Path) -> None:
    older = {**ENTRY, "SpotPrice": 0.5, "Timestamp": "2024-01-01T00:00:00.000Z", "AvailabilityZone": "eu-west-1b"}
    del older["AvailabilityZoneId"]
    page = json.dumps({"SpotPriceHistory": [ENTRY], "NextToken": ""}, indent=4)
    plain, packed = tmp_path / "plain.json", tmp_path / "packed"
    plain.write_text(page + "\n" + page)
    packed.write_bytes(gzip.compress(json.dumps({"SpotPriceHistory": [older]}).encode()) + gzip.compress(b"\n"))
    said: list[dict[str, Any]] = []
    done = convert([plain, packed], tmp_path / "out", said.append)
    assert (done["done"], done["points"], done["files"]) == (True, 3, 2)
    rows = [row for part in done["parts"] for row in pa.ipc.open_file(part).read_all().to_pylist()]
    assert pa.ipc.open_file(done["parts"][0]).schema == SCHEMA
    assert rows[1] == dict(
        zip(
            SCHEMA.names,
            (
                "us-east-1",
                "us-east-1a",
                "use1-az6",
                "m5.large",
                "Linux/UNIX",
                datetime(2026, 11, 20, 14, 2, 11),
                0.0345,
            ),
            strict=True,
        )
    )
    assert (rows[2]["region"], rows[2]["zone_id"], rows[2]["price"]) == ("eu-west-1", "eu-west-1b", 0.5)
    assert all(set(line) == {"file", "bytes", "total", "points"} and line["bytes"] <= line["total"] for line in said)


BAD = [
    ("truncated", json.dumps({"SpotPriceHistory": [ENTRY]})[:-20].encode(), "ends amid a value"),
    ("foreign", b'{"Reservations": []}', "has no SpotPriceHistory"),
    ("text", b"hello\nthere", "a JSON object should begin here"),
    ("empty", b"", "the file is empty"),
    ("blank", b" \n ", "the file is empty"),
    ("list", json.dumps([ENTRY]).encode(), "a JSON object should begin here"),
    ("not-a-list", b'{"SpotPriceHistory": {}}', "should be a list"),
    ("latin", b'{"SpotPriceHistory": ["\xe4"]}', "not UTF-8"),
    ("utf16", json.dumps({"SpotPriceHistory": [ENTRY]}).encode("utf-16"), "not UTF-8"),
    ("price", json.dumps({"SpotPriceHistory": [ENTRY | {"SpotPrice": "cheap"}]}).encode(), "'cheap' is not a price"),
    ("negative", json.dumps({"SpotPriceHistory": [ENTRY | {"SpotPrice": -1}]}).encode(), "is not a price"),
    ("nan", b'{"SpotPriceHistory": [' + json.dumps(ENTRY).replace('"0.034500"', "NaN").encode() + b"]}", "not a price"),
    ("time", json.dumps({"SpotPriceHistory": [ENTRY | {"Timestamp": 5}]}).encode(), "is not an instant"),
    ("zone", json.dumps({"SpotPriceHistory": [ENTRY | {"AvailabilityZone": "moon"}]}).encode(), "names no region"),
    ("type", json.dumps({"SpotPriceHistory": [ENTRY | {"InstanceType": None}]}).encode(), "InstanceType is missing"),
    ("escape", json.dumps({"SpotPriceHistory": [ENTRY | {"InstanceType": "\x1b[2J"}]}).encode(), "not a short text"),
    ("number", b'{"SpotPriceHistory": [3]}', "is not an object"),
    ("second", json.dumps({"SpotPriceHistory": [ENTRY]}).encode() + b" trailing", "a JSON object should begin here"),
    ("gzip-cut", gzip.compress(json.dumps({"SpotPriceHistory": [ENTRY]}).encode())[:-12], "the packed file is"),
    ("gzip-bad", b"\x1f\x8b rubbish", "the packed file is damaged"),
]


@pytest.mark.parametrize(("name", "data", "problem"), BAD, ids=[name for name, _, _ in BAD])
def test_a_bad_file_gets_one_clear_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, problem: str
) -> None:
    monkeypatch.setattr(spot_history_file, "_BATCH_ROWS", 2)
    good, bad, out = tmp_path / "good.json", tmp_path / f"{name}.json", tmp_path / "out"
    good.write_text(json.dumps({"SpotPriceHistory": [ENTRY] * 5}))
    bad.write_bytes(data)
    with pytest.raises(BadFile) as caught:
        convert([good, bad], out, lambda line: None)
    said = str(caught.value)
    assert said.startswith(f"{bad} at byte ")
    assert problem in said
    assert said.endswith(".")
    assert "\n" not in said
    assert "\x1b" not in said
    assert list(out.iterdir()) == []


def test_the_place_of_a_bad_entry_is_told(tmp_path: Path) -> None:
    text = json.dumps({"SpotPriceHistory": [ENTRY | {"ProductDescription": "Lin\u00fcx"}, ENTRY, 3]}, indent=1)
    path = tmp_path / "history.json"
    path.write_bytes(json.dumps(json.loads(text), indent=1, ensure_ascii=False).encode())
    with pytest.raises(BadFile) as caught:
        convert([path], tmp_path / "out", lambda line: None)
    data = path.read_bytes()
    place = data.rindex(b"3")
    line = data[:place].count(b"\n") + 1
    assert f"at byte {place} (line {line})" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"nowhere\.json cannot be read: No such file"):
        convert([tmp_path / "nowhere.json"], tmp_path / "out", lambda line: None)


def test_a_zone_of_any_kind_tells_its_region() -> None:
    for zone, region in {
        "us-east-1-bos-1a": "us-east-1",
        "us-gov-west-1a": "us-gov-west-1",
        "eusc-de-east-1a": "eusc-de-east-1",
    }.items():
        assert point(ENTRY | {"AvailabilityZone": zone})[0] == region


def test_the_command_speaks_json_lines_and_exit_codes(tmp_path: Path) -> None:
    def run(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
        command = [sys.executable, "-m", "backends.aws.spot_history_file", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    path, out = tmp_path / "history.json", tmp_path / "out"
    path.write_text(json.dumps({"SpotPriceHistory": [ENTRY]}))
    code, said = run("--out", out, path)
    assert (code, said[-1]["done"], said[-1]["points"], said[-1]["parts"]) == (
        0,
        True,
        1,
        [str(out / "part-00000.arrow")],
    )
    path.write_text("{")
    code, said = run("--out", out, path)
    assert (code, list(said[-1])) == (1, ["error"])
    assert run("--out", out)[0] == 2
