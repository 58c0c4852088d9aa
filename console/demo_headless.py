"""`quarterdeck demo --headless`: the whole job once, on a world of its own, and nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from backends.client import LOG_FILE, BackendError, Json, SyncClient, connect_sync
from console import demo_endpoint as endpoint
from console.demo import Demo, spec_of, start_both
from console.processes import descendants, end_all
from console.reports.text import clean

PAGE = 1000


def run(demo: Demo, report: Path | None, *, as_json: bool) -> int:
    """Poll, forecast, scan, advise, report; print the outcome; return the exit code. It leaves no process behind."""
    from console.cli_commands.output import narrate, say, say_json
    from console.reports import write as reports

    if report is not None:
        reports.check(report)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo-") as folder:
        outcome = _in(Path(folder), demo, report)
    outcome["seconds"] = round(time.monotonic() - began, 2)
    if as_json:
        say_json(outcome)
    else:
        for kind, rows in outcome["kinds"].items():
            say(f"{kind:<28}{rows:>7}")
        say(", ".join(f"{outcome[name]} {name}" for name in ("forecasts", "anomalies", "advice", "changes")))
    narrate(f"{sum(outcome['kinds'].values())} resources in {outcome['seconds']} s")
    return 0


def _in(home: Path, demo: Demo, report: Path | None) -> Json:
    """The run in a private directory; its processes are ended however it ends."""
    client: SyncClient | None = None
    try:
        _narrate("Starting the simulated AWS and the daemon…")
        announcement = asyncio.run(start_both(demo, home))
        client = connect_sync(spec_of(home, announcement["endpoint"]), endpoint.context_of(announcement))
        return _work(client, report)
    except Exception:
        _tell_log(home, 60 if os.environ.get("QUARTERDECK_DEBUG") else 3)
        raise
    finally:
        _end(client)


def _tell_log(home: Path, lines: int) -> None:
    """The last so many lines of the daemon's log, which goes with the directory."""
    log = home / LOG_FILE
    if log.is_file():
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]:
            _narrate(f"  {clean(line)}")


def _work(client: SyncClient, report: Path | None) -> Json:
    """What a person would do, in the same order, through the same daemon."""
    from console.reports.gather import gather
    from console.reports.write import write

    _narrate("Polling every kind in both accounts…")
    client.poll(wait=True)
    _narrate("Forecasting, scanning for anomalies, judging…")
    client.analyze(["forecasts", "anomalies", "advice"], wait=True)
    outcome = _outcome(client)
    if report is not None:
        _narrate("Writing the report…")
        write(gather(client), report)
    outcome["report"] = str(report) if report is not None else None
    return outcome


def _outcome(client: SyncClient) -> Json:
    keys = {kind["name"]: resource_keys(client, kind["name"]) for kind in client.kinds()}
    return {
        "simulated": True,
        "seconds": 0.0,
        "kinds": {kind: len(found) for kind, found in keys.items()},
        "ids": {kind: digest(found) for kind, found in keys.items()},
        "coverage": dict(sorted(Counter(row["state"] for row in client.coverage()["rows"]).items())),
        "forecasts": len(client.forecasts()),
        "anomalies": len(client.anomalies()),
        "advice": len(client.advice()),
        "changes": len(client.changes(since="-1d")["changes"]),
    }


def resource_keys(client: SyncClient, kind: str) -> list[str]:
    """The keys `account/region/id` of every resource of a kind, sorted."""
    found: list[str] = []
    while True:
        page = client.rows(kind, offset=len(found), limit=PAGE)
        place = page["columns"].index("ref")
        found += [str(row[place]).partition("@")[2] for row in page["rows"]]
        if len(found) >= page["total"] or not page["rows"]:
            return sorted(found)


def digest(keys: Iterable[str]) -> str:
    """sha256, in hex, of the sorted keys joined by newlines: equal for equal inventories."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def _end(client: SyncClient | None) -> None:
    """Ask the daemon to stop, then see to it that every process that came of this one is gone."""
    # A second Ctrl+C must not leave half of it behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    family = [process for process in descendants([os.getpid()]) if process[0] != os.getpid()]
    if client is not None:
        with suppress(BackendError, OSError):
            client.shutdown(drain=False)
        client.close()
    for pid, _ in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    end_all(family)


def _narrate(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - narration
