"""Planted secrets turn up nowhere: in no file of the store, in nothing its tables hold unpacked, in no report."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from backends.blocks import unpacked
from backends.context import store_id
from backends.simulated.hostile import CANARIES
from tests.contract.shells import PROFILES, Run, quarterdeck, shell
from tests.simulated_aws import SimulatedAws

WORD = b"CANARY"
assert all(WORD.decode() in canary for canary in CANARIES)


def disguises() -> list[bytes]:
    """The word as it is, and what any base64 of a text around it must contain."""
    shifted = [base64.b64encode(b"\0" * shift + WORD) for shift in range(3)]
    return [
        WORD,
        *(
            text[(0, 2, 3)[shift] : -(4 if (shift + len(WORD)) % 3 else 0) or None]
            for shift, text in enumerate(shifted)
        ),
    ]


def leaks(data: bytes) -> bool:
    return any(shape in data for shape in disguises())


def cells(store: Path) -> Iterator[tuple[str, bytes]]:
    """Every text and every blob of every table, unpacked where it is packed."""
    with duckdb.connect(str(store), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, table in tables:
            for row in connection.execute(f'SELECT * FROM "{schema}"."{table}"').fetchall():
                for cell in row:
                    if isinstance(cell, bytes):
                        yield f"{schema}.{table}", unpacked(cell)
                    elif cell is not None:
                        yield f"{schema}.{table}", str(cell).encode()


@pytest.mark.parametrize("shift", range(3))
def test_the_search_would_find_a_secret_in_a_script(shift: int) -> None:
    script = "#" * shift + f"#!/bin/sh\nexport TOKEN={CANARIES[0]}\n"
    assert leaks(script.encode()) and leaks(base64.b64encode(script.encode())) and not leaks(b"#!/bin/sh")


def whoever_may_ask_is_told(aws: SimulatedAws) -> Iterator[object]:
    yield aws.client("ec2").describe_launch_template_versions(Versions=["$Latest"])
    yield aws.client("lambda").list_functions()
    yield aws.client("ecs").describe_task_definition(taskDefinition="checkout")
    yield aws.client("rds").describe_db_parameters(DBParameterGroupName="reports-parameters")
    yield aws.client("secretsmanager").get_secret_value(SecretId="prod/mail/api-key")


def test_no_planted_secret_is_kept_anywhere(run: Run, home: Path, aws: SimulatedAws, tmp_path: Path) -> None:
    for planted in whoever_may_ask_is_told(aws):
        assert leaks(str(planted).encode()), "the simulated AWS does plant them"
    for form in ("html", "md", "json"):
        assert run("report", "-o", str(tmp_path / f"report.{form}")).returncode == 0
        assert not leaks((tmp_path / f"report.{form}").read_bytes())
    environment = shell(home, **aws.environment)
    folder = home / store_id("aws", aws.endpoint)
    assert [path for path in folder.rglob("*") if path.is_file() and leaks(path.read_bytes())] == []
    assert quarterdeck(environment, "daemon", "stop", *PROFILES).returncode == 0
    assert [path for path in folder.rglob("*") if path.is_file() and leaks(path.read_bytes())] == []
    seen = 0
    for table, data in cells(folder / "store.duckdb"):
        assert not leaks(data), table
        seen += data.startswith(b"{")
    assert seen > 500
