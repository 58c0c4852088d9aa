"""A command's conversation with the daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from backends.client import BackendError, Json, SyncClient, connect_sync
from console.cli_commands.failures import SET_UP, Failure, no_credentials, no_such_kind
from console.cli_commands.options import options_of
from console.cli_commands.output import narrate
from console.start import target


@contextmanager
def session(*, credentials: bool = True, imported: bool = False) -> Iterator[SyncClient]:
    """A client of the daemon that the command's options mean, started if need be, its context registered.

    `credentials=False` is for what needs none; `imported` for what can be answered from imported data where there are
    none. BackendError, ContextError and Failure say what is in the way.
    """
    spec, context = target(options_of(click.get_current_context()))
    if not credentials:
        with closing(connect_sync(spec, None)) as client:
            yield client
        return
    try:
        client = connect_sync(spec, context)
        problem = _nobody(client.registration)
    except BackendError as error:
        if error.code != "no-credentials":
            raise
        client, problem = SyncClient(spec), no_credentials(error.message)
    with closing(client):
        if not problem:
            _tell_problems(client.registration)
            yield client
            return
    if not imported:
        raise Failure(problem, SET_UP)
    with closing(connect_sync(spec, None)) as client:
        try:
            yield client
        except BackendError as error:
            raise Failure(problem, SET_UP) if error.code == "no-credentials" else error from error
    narrate(f"{problem.rstrip('.: ')}. What is shown was imported from files.")


def _nobody(registration: Json) -> str:
    """Why not even one account of these credentials is known; "" where one is."""
    accounts = registration.get("accounts", [])
    if any(account.get("account") for account in accounts):
        return ""
    told = dict.fromkeys(str(account.get("problem", "")) for account in accounts)
    return " ".join(told) or "AWS did not say whose credentials these are."


def _tell_problems(registration: Json) -> None:
    """Narrate accounts that cannot be read beside those that can, and what is chosen of an organization and is not
    there; roles that refuse us in one line together."""
    for account in registration.get("accounts", []):
        if is_organization(account):
            narrate(str(account["problem"]))
    unwell = [account for account in registration.get("accounts", []) if account.get("state", "ok") != "ok"]
    shut = [a for a in unwell if a.get("role") and a["state"] == "denied" and not a.get("account")]
    for account in unwell:
        if account not in shut[1:]:
            narrate(f"{_problem(account)}{_others(len(shut)) if account in shut else ''}")


def is_organization(account: Json) -> bool:
    """Whether it is none, but tells what is wrong with what is chosen of an organization that was listed well."""
    return account.get("state", "ok") == "ok" and not account.get("account") and bool(account.get("problem"))


def _problem(account: Json) -> str:
    """Why an account cannot be read, and whose it is: what AWS says of a role that refuses us names it already."""
    problem, role = str(account.get("problem", "")), account.get("role")
    if role and role in problem:
        return problem
    return f"{role or account.get('profile') or account.get('account') or 'default'}: {problem}"


def _others(refusing: int) -> str:
    """How many roles refuse beside the one that is named; "" for none."""
    if refusing < 2:
        return ""
    many = refusing > 2
    refuse = "roles refuse" if many else "role refuses"
    return f" {refusing - 1} more {refuse}; `quarterdeck doctor` names {'them' if many else 'it'}."


def kind_named(client: SyncClient, name: str) -> Json:
    """The declaration of the kind of that name; Failure names the nearest ones."""
    kinds = {kind["name"]: kind for kind in client.kinds()}
    if name in kinds:
        return kinds[name]
    raise no_such_kind(name, list(kinds))
