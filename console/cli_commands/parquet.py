"""Parquet on stdout, through a module of its own: this process maps no Arrow library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.cli_commands.failures import SET_UP, Failure


def check_stdout() -> None:
    """Refuse to fill a terminal with binary data."""
    if sys.stdout.isatty():
        raise Failure("Parquet is binary; send it to a file: quarterdeck ls … -o parquet > file.parquet", SET_UP)


def write(names: Sequence[str], types: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
    """Write the rows to stdout, typed as the kind declares its columns."""
    sys.stdout.flush()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "backends.parquet"], stdin=subprocess.PIPE, stdout=sys.stdout.buffer, text=True
    )
    assert process.stdin is not None
    with process.stdin as lines:
        lines.write(json.dumps([[name, types.get(name, "text")] for name in names]) + "\n")
        lines.writelines(json.dumps(list(row)) + "\n" for row in rows)
    if process.wait():
        raise Failure("The Parquet file could not be written; see above.")
