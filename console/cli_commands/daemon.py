"""`quarterdeck daemon`: start, stop and look at the process that polls and keeps the store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from backends.client import (
    LOG_FILE,
    DaemonSpec,
    Json,
    SyncClient,
    announced_pid,
    answers,
    connect_sync,
    daemon_environment,
    find_socket,
    lock_holder,
)
from backends.currency import HOME
from console import processes
from console.cli_commands import spending
from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, options_of, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say, say_json, table
from console.cli_commands.polling import COVERAGE
from console.cli_commands.session import kind_named, session
from console.collectors import fallen
from console.freshness import measured
from console.reports.text import clean, words
from console.start import target


@click.group()
def daemon() -> None:
    """The process that polls and keeps the store. It starts by itself with the first command that needs it."""


def _spec() -> DaemonSpec:
    spec, _ = target(options_of(click.get_current_context()))
    return spec


def _running(spec: DaemonSpec) -> SyncClient:
    """A client of the running daemon; Failure if there is none, since starting one is not what was asked."""
    if asyncio.run(answers(find_socket(spec.home))):
        return SyncClient(spec)
    if pid := lock_holder(spec.home):
        raise Failure(
            f"The daemon (pid {pid}) of the store {spec.home} takes no questions: it opens the store or closes it. Ask "
            "again in a moment; `quarterdeck daemon logs` shows what it does."
        )
    raise Failure(f"No daemon is running for the store {spec.home}.")


@daemon.command()
@connection
def start() -> None:
    """Start the daemon and poll with this shell's credentials; it lives for ten minutes after its last client."""
    spec, context = target(options_of(click.get_current_context()))
    client = connect_sync(spec, context)
    status = client.status()
    client.close()
    say(f"running, pid {status['pid']}, store {clean(status['store'])}")


@daemon.command()
@connection
def stop() -> None:
    """Stop the daemon; it finishes what it is carrying out first."""
    client = _running(_spec())
    try:
        pid = int(client.status()["pid"])
        serving = processes.process(pid)
        client.shutdown(drain=True)
    finally:
        client.close()
    for _ in range(600):
        # Whoever started it may never ask how it ended: what is left of it then is no process any more.
        if serving is None or not processes.alive(serving):
            say(f"stopped, pid {pid}")
            return
        time.sleep(0.05)
    raise Failure(
        f"The daemon (pid {pid}) is still finishing what it carries out; look again with `quarterdeck daemon status`."
    )


@daemon.command()
@click.option("--accounts", is_flag=True, help="What was asked of AWS account by account.")
@click.option(
    "--days", type=click.IntRange(1, 400), help="What was asked on each of the last so many days, of UTC; 1 is today."
)
@output("text", "json")
@connection
def status(accounts: bool, days: int | None, form: str) -> None:
    """What the daemon is doing, what it asks of AWS and what that costs; exit 1 if none is running.

    Calls, retries, errors, throttled answers, rows, seconds and USD are counted since the daemon began; what was spent
    today and this month outlives it. The budget is per_day under [costs] in config.toml: USD for each account and day.
    """
    client = _running(_spec())
    try:
        found = client.status()
        if accounts or days:
            asked = client.operations(days or 1)
            found["operations_by_account"] = asked["operations"]
            found["days"] = asked["days"] if days else []
    finally:
        client.close()
    if form == "json":
        say_json(found)
        return
    for name in ("version", "pid", "started", "store", "partition", "endpoint", "label", "store_problem", "clients"):
        if found.get(name) not in (None, ""):
            say(f"{name.removeprefix('store_'):<12}{words(found[name])}")
    for line in _progress(found.get("polling") or {}):
        say(f"{'polling':<12}{line}")
    for problem in _unread(found.get("contexts") or ()):
        say(f"{'accounts':<12}{problem}")
    for ended in found.get("collectors_ended") or ():
        say(f"{'collector':<12}{fallen(ended)}")
    if loop := found.get("loop"):
        say(f"{'loop':<12}answers within {words(loop.get('p99'))} ms as a rule, {words(loop.get('max'))} at worst")
    for line in spending.lines(found.get("costs") or {}, found.get("partition") or HOME):
        say(line)
    if days:
        spending.show(found["days"], "day", "account")
    elif accounts:
        spending.show(found["operations_by_account"], "account")
    else:
        spending.show(found.get("operations", []))


def _progress(polling: Json) -> Iterator[str]:
    """How polls go: whether they do, how far the first ones are, how many fail and what they took."""
    if not polling:
        return
    done, total = polling["done"], polling["total"]
    which = "first poll" if polling["first_poll_ever"] else "first poll since the daemon began"
    how = f"all {total} places polled" if polling["first_poll_complete"] else f"{which}: {done} of {total} places"
    paused = "paused; " if polling["paused"] else ""
    yield f"{paused}{how}, {polling['in_flight']} under way"
    if failing := polling["errors"]:
        yield f"{counted(failing, 'place')} failed when polled last: quarterdeck daemon coverage"
    yield f"{counted(polling['calls'], 'call')} for {spending.usd(polling['money'])} USD since the daemon began"


def _unread(contexts: Iterable[Json]) -> list[str]:
    """What keeps parts of accounts that are polled, or whole ones of an organization, from being so: each once."""
    accounts = [account for context in contexts for account in context["accounts"]]
    partly = [account for account in accounts if account["state"] == "ok" and account["problem"]]
    return list(dict.fromkeys(clean(": ".join(filter(None, (a["account"], a["problem"])))) for a in partly))


@daemon.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]…")
@past
@output("table", "json", "csv")
@connection
def coverage(kinds: tuple[str, ...], form: str, look: dict[str, str]) -> None:
    """How the last poll of every account, region and kind ended, of all kinds or of those named.

    denied, throttled, error, empty and pending are different things, and so is unobserved: in the past, what no good
    poll vouches for.
    """
    with session(imported=True) as client:
        names = [kind_named(client, kind)["name"] for kind in kinds]
        answer = client.coverage(**look)
    rows = [row for row in answer["rows"] if not names or row["kind"] in names]
    if form == "json":
        say_json(rows)
        return
    cells = [[row.get(name) for name in COVERAGE] for row in map(measured, rows)]
    headings = list(COVERAGE) if form == "csv" else [name.upper().replace("_", " ") for name in COVERAGE]
    (csv_rows if form == "csv" else table)(headings, cells)
    if answer.get("store_problem"):
        narrate(answer["store_problem"])


@daemon.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
@output("text", "json")
@connection
def backup(file: Path, force: bool, form: str) -> None:
    """Copy the store into FILE while polls go on; FILE.anchor gets the heads of the audit's chain.

    The copy is of one instant and a store of its own, encrypted as this one is. To go back to it: `quarterdeck daemon
    stop`; in the store's directory remove store.duckdb.wal if there is one, put FILE in the place of store.duckdb and
    FILE.anchor in that of audit.anchor; `quarterdeck daemon start`.
    """
    with session(credentials=False) as client:
        found = client.backup(str(file.absolute()), force=force)
    if form == "json":
        say_json(found)
        return
    say(f"{clean(found['file'])}: {_size(found['bytes'])}; polls waited {found['seconds']:.2f} s")


@daemon.command()
@output("text", "json")
@connection
def compact(form: str) -> None:
    """Write the store's file anew, without the room that deleted history leaves empty in it.

    DuckDB uses such room again but never gives it back. Needs as much free disk as the store holds; reading goes on
    meanwhile, and whenever the machine stops one whole file is there.
    """
    with session(credentials=False) as client:
        found = client.compact()
    if form == "json":
        say_json(found)
        return
    waited = f"polls waited {found['seconds']:.2f} s"
    if found["exchanged"]:
        say(f"{_size(found['before'])} before, {_size(found['after'])} now; {waited}")
    else:
        say(f"{_size(found['after'])}: nothing would be gained by writing it anew, so the file stays; {waited}")


@daemon.command()
@connection
def encrypt() -> None:
    """Encrypt the store with the configured key; no daemon may be running.

    The key is store.encryption_key_file in config.toml (a file of mode 0600, or secretsmanager:ARN) or
    QUARTERDECK_STORE_KEY. A secret is read as the daemon will read it, without the credentials of this shell: where
    that fails, nothing is encrypted. Blocks of the disk that the plain file had are not wiped.
    """
    spec = _spec()
    if pid := _holder(spec):
        raise Failure(f"A daemon (pid {pid}) has the store {spec.home}; stop it first with `quarterdeck daemon stop`.")
    command = [sys.executable, "-P", "-m", "backends.daemon.encrypting", "--home", str(spec.home.absolute())]
    # All as a daemon has it that a client starts: a key that only this shell can read would lock everybody out.
    env, nothing = daemon_environment(), subprocess.DEVNULL
    code = subprocess.call(command, cwd="/", env=env, stdin=nothing, start_new_session=True)
    click.get_current_context().exit(code)


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


@daemon.command()
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="The last so many lines."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows, until Ctrl+C.")
@connection
def logs(lines: int, follow: bool) -> None:
    """The daemon's log."""
    path = _spec().home / LOG_FILE
    if not path.is_file():
        raise Failure(f"There is no log yet: no daemon has run for the store {path.parent}.")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, lines):
            say(clean(line.rstrip("\n")))
        while follow:
            sys.stdout.flush()
            line = file.readline()
            if line:
                say(clean(line.rstrip("\n")))
            else:
                time.sleep(0.3)


@daemon.command()
@connection
def run() -> None:
    """Run the daemon in the foreground and for ever, for systemd: ExecStart=quarterdeck daemon run."""
    spec = _spec()
    spec.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One that is about to end is waited for by the new one.
    if asyncio.run(answers(find_socket(spec.home))):
        raise Failure(
            f"A daemon (pid {announced_pid(spec.home)}) already runs for the store {spec.home}; stop it first."
        )
    lasting = replace(spec, linger=-1)
    narrate(f"daemon of {spec.home}")
    os.execv(sys.executable, [sys.executable, "-P", "-m", "backends.daemon", *lasting.arguments])  # noqa: S606 - ours


def _holder(spec: DaemonSpec) -> int | None:
    """The pid of the daemon that has the store, whether it answers or not, if one has."""
    if asyncio.run(answers(find_socket(spec.home))):
        return announced_pid(spec.home) or None
    return lock_holder(spec.home) or None
