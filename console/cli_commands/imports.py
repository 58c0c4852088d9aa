"""`quarterdeck import`: data that AWS's own tools wrote to files, taken in whole or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from backends.client import Json, connect_sync
from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, options_of
from console.cli_commands.output import counted, narrate, say
from console.start import target

_BAR = 30


@click.group("import")
def import_() -> None:
    """Take in data that AWS tools wrote to files. Needs no credentials."""


@import_.command("spot-history")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@connection
def spot_history(files: tuple[Path, ...]) -> None:
    """Take in spot prices that `aws ec2 describe-spot-price-history` printed.

    JSON, several documents in one file, .gz, of any size. What is there already is recognised, so that importing twice
    changes nothing; a file that is cut off or is something else is refused with its position, and nothing is taken in.
    """
    for file in files:
        if not file.is_file():
            raise Failure(f"{file} is not there, or is no file; nothing was imported.")
    spec, _ = target(options_of(click.get_current_context()))
    client = connect_sync(spec, None)
    try:
        with _work(spec.home) as folder:
            read = _parse(files, folder)
            answer = client.import_points("spot_price", str(folder))
    finally:
        client.close()
    say(f"{counted(read['points'], 'point')} read from {counted(read['files'], 'file')}, {answer['new']} of them new")
    narrate("Markets without credentials: quarterdeck ls spot.price, quarterdeck spot forecast")


@contextmanager
def _work(home: Path) -> Iterator[Path]:
    """A private directory in the store's work directory, which is all that the daemon reads; gone afterwards."""
    work = home / "work"
    work.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="import-", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parse(files: tuple[Path, ...], folder: Path) -> Json:
    """Run the parser on the files; its last word. Failure repeats its one sentence."""
    command = [sys.executable, "-P", "-m", "backends.aws.spot_history_file", "--out", str(folder)]
    command += [str(file.absolute()) for file in files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last: Json = {}
        try:
            for line in process.stdout:
                last = json.loads(line)
                _progress(last)
        except BaseException:
            process.terminate()
            raise
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if process.returncode or not last.get("done"):
        sentence = str(last.get("error") or "the parser stopped without a word").rstrip(".")
        raise Failure(f"{sentence}. Nothing was imported.")
    return last


def _progress(said: Json) -> None:
    """A bar on a terminal; elsewhere one line per file when it begins."""
    if "bytes" not in said:
        return
    if not sys.stderr.isatty():
        if said["bytes"] == 0:
            narrate(f"Reading {said['file']}…")
        return
    share = min(said["bytes"] / max(said["total"], 1), 1.0)
    bar = "█" * round(share * _BAR)
    name = Path(str(said["file"])).name[:30].encode("ascii", "replace").decode()
    sys.stderr.write(f"\r\x1b[K{name} {bar:░<{_BAR}} {share:4.0%} {said['points']:,} points")
    sys.stderr.flush()
