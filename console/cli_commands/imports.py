"""`quarterdeck import`: data that AWS's own tools wrote to files, taken in whole or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from backends.client import DaemonSpec, Json, connect_sync
from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, instant, options_of
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
    _there(files)
    spec, _ = target(options_of(click.get_current_context()))
    client = connect_sync(spec, None)
    try:
        with _work(spec.home) as folder:
            read = _parse("backends.aws.spot_history_file", files, folder)
            narrate(f"Storing {counted(read['points'], 'point')}…")
            answer = client.import_points("spot_price", str(folder))
    finally:
        client.close()
    say(f"{counted(read['points'], 'point')} read from {counted(read['files'], 'file')}, {answer['new']} of them new")
    narrate("Markets without credentials: quarterdeck ls spot.price, quarterdeck spot forecast")


@import_.command("spot-advisor")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@instant("--as-of", metavar="T", help="The day that the file is of, such as 2026-11-20; else when it was written.")
@connection
def spot_advisor(files: tuple[Path, ...], as_of: str) -> None:
    """Take in how often Spot Instances were taken back: the JSON behind AWS's Spot advisor page.

    That file is no part of the AWS API and tells nothing of its own day or of days before: every import is kept with
    the day it is of, so that a history grows. Importing the same again changes nothing.
    """
    _there(files)
    spec, _ = target(options_of(click.get_current_context()))
    read, answer = import_advisor(spec, files, as_of)
    say(f"{read['points']} bands read from {read['files']} files, {answer['new']} of them new")
    narrate("See them: quarterdeck ls spot.advisor; what they mean for a pool: quarterdeck spot risk")


def import_advisor(spec: DaemonSpec, files: Sequence[Path], as_of: str = "") -> tuple[Json, Json]:
    """Take the advisor's files into the store of that daemon → what was read, and what the daemon made of it."""
    given = ("--as-of", as_of) if as_of else ()
    client = connect_sync(spec, None)
    try:
        with _work(spec.home) as folder:
            read = _parse("backends.aws.spot_advisor_file", files, folder, *given)
            return read, client.import_points("spot_advisor", str(folder))
    finally:
        client.close()


def _there(files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise Failure(f"{file} is not there, or is no file; nothing was imported.")


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


def _parse(module: str, files: Sequence[Path], folder: Path, *more: str) -> Json:
    """Run the parser on the files; its last word. Failure repeats its one sentence."""
    command = [sys.executable, "-P", "-m", module, "--out", str(folder), *more]
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
