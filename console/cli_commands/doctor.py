"""`quarterdeck doctor`: one line per thing that must work, and for what does not, what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict

import click

from backends.client import LOG_FILE, BackendError, Json, SyncClient, connect_sync, daemon_environment
from console.cli_commands.failures import SET_UP, Failure, no_credentials
from console.cli_commands.options import connection, options_of
from console.cli_commands.output import counted, say
from console.cli_commands.session import is_organization
from console.reports.text import clean, moment, some
from console.start import target

_OPERATION = re.compile(r"\b[a-z0-9-]+:[A-Z]\w+ ?")
"""What differs between kinds that failed for one cause."""
_MARKS = {"ok": "ok  ", "warn": "warn", "bad": "FAIL"}


class Findings:
    """Prints each finding as it is made and remembers the worst."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def add(self, state: str, what: str, detail: str, remedy: str = "") -> None:
        say(f"{_MARKS[state]}  {what:<12} {clean(detail)}")
        if remedy:
            say(f"      {'':<12} → {clean(remedy)}")
        if state == "bad":
            self.failed.append(what)


@click.command()
@connection
def doctor() -> None:
    """Check credentials, endpoint, daemon, store, config.toml and the permission for every kind, and say what to do.

    Exit 0 if everything that is needed works, 2 if it does not.
    """
    found = Findings()
    spec, context = target(options_of(click.get_current_context()))
    found.add("ok", "python", f"{sys.version.split()[0]}, {sys.executable}")
    found.add("ok", "endpoint", context.endpoint or f"AWS itself (partition {context.partition})")
    shown = {name: os.environ[name] for name in ("HTTPS_PROXY", "https_proxy", "AWS_CA_BUNDLE") if name in os.environ}
    if shown:
        found.add("ok", "transport", ", ".join(sorted(shown)) + " set")
    client = connect_sync(spec, None)
    try:
        status = client.status()
        found.add("ok", "daemon", f"version {status['version']}, pid {status['pid']}, log {spec.home / LOG_FILE}")
        found.add("ok", "store", f"{status['store']}")
        _configuration(found)
        if _credentials(found, client, context):
            _coverage(found, client)
    finally:
        client.close()
    if found.failed:
        raise Failure(f"Not everything works: {', '.join(dict.fromkeys(found.failed))}.", SET_UP)


def _configuration(found: Findings) -> None:
    """Whether a daemon that starts next would take what is configured: the one that runs read it when it started."""
    command = [sys.executable, "-P", "-m", "backends.daemon.configuration"]
    asked = subprocess.run(command, cwd="/", env=daemon_environment(), capture_output=True, text=True, check=False)
    if asked.returncode:
        remedy = "correct it: the daemon that runs keeps to what it read, and the next one does not start"
        found.add("bad", "config", asked.stderr.strip().rpartition("\n")[2], remedy)


def _credentials(found: Findings, client: SyncClient, context: object) -> bool:
    """Whether any account can be read."""
    from backends.client import Context

    assert isinstance(context, Context)
    try:
        answer = client.register(context)
    except BackendError as error:
        found.add(
            "bad", "credentials", no_credentials(error.message) if error.code == "no-credentials" else error.message
        )
        return False
    readable = any(account.get("state", "ok") == "ok" and account.get("account") for account in answer["accounts"])
    for account in answer["accounts"]:
        name = account.get("role") or account.get("profile") or "default chain"
        if is_organization(account):
            found.add("warn" if readable else "bad", "organization", str(account["problem"]), _CHOSEN)
        elif account.get("state", "ok") == "ok":
            ends = f", until {moment(account['expires'])} UTC" if account.get("expires") else ""
            regions = ", ".join(account.get("regions", []))
            found.add(
                "ok",
                "credentials",
                f"{name}: account {account['account']} as {account['arn']}{ends}; regions {regions}",
            )
            if account.get("problem"):
                found.add("warn", "regions", f"{account['account']}: {account['problem']}")
        elif account.get("role") and account["state"] == "denied":
            # One account of an organization that lets nobody in is no fault of the set-up.
            found.add("warn", "credentials", str(account.get("problem")), _LET_IN)
        else:
            found.add("bad", "credentials", f"{name}: {account.get('problem')}", _SIGN_IN.get(account["state"], ""))
    return readable


_CHOSEN = "correct include and exclude of [organizations] in config.toml"
_LET_IN = "let the role's trust policy name the source (and the external id said here), or leave the account out"
_SIGN_IN = {
    "none": "sign in, name a profile (--profile, AWS_PROFILE), or try `quarterdeck demo`",
    "expired": "sign in again, for SSO with `aws sso login`",
    "denied": "AWS must know the key, and allow sts:GetCallerIdentity and ec2:DescribeRegions: `quarterdeck policy`",
}


def _coverage(found: Findings, client: SyncClient) -> None:
    """One line for the kinds that are read everywhere, and one for each cause that keeps others from it."""
    kinds = client.kinds()
    permissions = {kind["name"]: kind["permissions"] for kind in kinds}
    unasked = {kind["name"] for kind in kinds if kind.get("on_demand")}
    by_kind: dict[str, list[Json]] = defaultdict(list)
    for row in client.coverage()["rows"]:
        by_kind[row["kind"]].append(row)
    well: dict[str, int] = {}
    waiting: list[str] = []
    ill: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for kind, allowed in permissions.items():
        rows = by_kind.get(kind, [])
        bad = [row for row in rows if row["state"] not in ("ok", "empty", "pending", "disabled", "unsupported")]
        if not rows and kind in unasked:
            continue
        if not rows or {row["state"] for row in rows} == {"pending"}:
            waiting.append(kind)
        elif not bad:
            well[kind] = len(rows)
        for row in bad:
            ill[row["state"], _OPERATION.sub("", row["problem"]), _remedy(row, allowed)].append(row)
    for (state, cause, remedy), rows in ill.items():
        names = list(dict.fromkeys(row["kind"] for row in rows))
        problem = rows[0]["problem"] if len(names) == 1 else cause
        places = sum(len(by_kind[name]) for name in names)
        where = f"in {len(rows)} of {counted(places, 'place')}, such as {rows[0]['account']}/{rows[0]['region']}"
        found.add("bad", "kind" if len(names) == 1 else "kinds", f"{some(names)}: {state} {where}: {problem}", remedy)
        found.failed[-1] = f"{some(names)} ({state})"
    if waiting:
        poll = f"quarterdeck poll {waiting[0]} --once" if len(waiting) == 1 else "quarterdeck poll --once"
        found.add("warn", "kind" if len(waiting) == 1 else "kinds", f"{some(waiting)}: not polled yet", poll)
    if well:
        read = f"{counted(len(well), 'kind')} read in {counted(sum(well.values()), 'place')}"
        found.add("ok", "kinds", f"{read}: {', '.join(list(well)[:3])}{', …' if well.keys() - list(well)[:3] else ''}")


def _remedy(row: Json, allowed: list[str]) -> str:
    if row["state"] == "denied":
        return f"allow {', '.join(allowed)}; `quarterdeck policy` prints the whole policy"
    if "failed in Quarterdeck itself" in row["problem"]:
        return "report it with what `quarterdeck daemon logs` tells"
    return "it is tried again by itself"
