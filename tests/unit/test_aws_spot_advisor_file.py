"""The Spot advisor's file is taken in whole, with its day, or not at all."""

from __future__ import annotations

import gzip
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.spot_advisor_file import BadFile, main, read_file

GOOD = {"spot_advisor": {"eu-west-1": {"Linux": {"m5.large": {"s": 70, "r": 1}, "x2.large": {"r": 4}}}}, "ranges": []}


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_band_comes_with_its_words_its_saving_and_the_day_the_file_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "advisor.json", GOOD)
    os.utime(path, (1_780_000_000, 1_780_000_000))
    first, second = read_file(path)
    assert first[:6] == ("eu-west-1", "m5.large", "Linux", 1, "5-10%", 70.0)
    assert second[5] is None and second[4] == ">20%"
    assert first[6] == datetime(2026, 5, 28, 20, 26, 40)


def test_a_day_that_is_said_overrules_the_file_s(tmp_path: Path, capsys: Any) -> None:
    path = written(tmp_path / "advisor.json", GOOD)
    assert main(["--out", str(tmp_path / "out"), "--as-of", "2026-11-20T00:00Z", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"done": True, "points": 2, "files": 1}
    with pa.OSFile(str(tmp_path / "out" / "part-00000.arrow")) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    assert {row["as_of"] for row in rows} == {datetime(2026, 11, 20)}


def test_a_packed_file_is_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(json.dumps(GOOD).encode()))
    assert len(read_file(tmp_path / "a.gz")) == 2


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[1",
        [],
        {"spot_advisor": {}},
        {"spot_advisor": {"eu-west-1": {"Linux": {}}}},
        {"spot_advisor": {"moon": {"Linux": {"m5.large": {"r": 1}}}}},
        {"spot_advisor": {"eu-west-1": {"Plan9": {"m5.large": {"r": 1}}}}},
        {"spot_advisor": {"eu-west-1": {"Linux": {"m5.large": {"r": 9}}}}},
        {"spot_advisor": {"eu-west-1": {"Linux": {"m5.large": {"r": True}}}}},
        {"spot_advisor": {"eu-west-1": {"Linux": {"evil\u001b": {"r": 1}}}}},
    ],
)
def test_anything_else_is_refused_in_one_sentence_and_leaves_nothing(tmp_path: Path, bad: Any, capsys: Any) -> None:
    path = written(tmp_path / "advisor.json", bad)
    assert main(["--out", str(tmp_path / "out"), str(path)]) == 1
    said = json.loads(capsys.readouterr().out)["error"]
    assert str(path) in said and said.endswith(".") and "\n" not in said
    assert not list((tmp_path / "out").glob("*"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_rows_or_a_sentence(value: Any) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"advisor-{os.getpid()}.json"
    written(path, {"spot_advisor": {"eu-west-1": {"Linux": value}}})
    try:
        assert read_file(path)
    except BadFile as error:
        assert str(error).endswith(".")
    finally:
        path.unlink()
