"""Which resource is meant by a reference, an id, a name or an ARN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.client import Json, SyncClient
from backends.model import Ref
from console.cli_commands.failures import SET_UP, Failure
from console.cli_commands.output import counted, narrate
from console.cli_commands.session import kind_named
from console.reports.text import clean, moment

_MOST_TOLD = 20


def resolved(
    client: SyncClient,
    word: str,
    kinds: Sequence[str] = (),
    *,
    at: str = "",
    accounts: Sequence[str] = (),
    regions: Sequence[str] = (),
) -> str:
    """The reference of the one resource that a word means; what is gone counts where nothing of that name is there.

    A reference is itself. Failure where nothing is called so, or several are: those are listed on stderr.
    """
    if not word.strip():
        raise Failure(f"{word!r} names no resource: write a reference, an id, an ARN or a name.", SET_UP)
    if (ref := reference(word)) is not None:
        kind_named(client, ref.kind)
        return word
    found = client.find(word, kinds, at=at, accounts=accounts, regions=regions)
    if len(found) == 1:
        return str(found[0]["ref"])
    if not found:
        among = f" among {', '.join(kinds)}" if kinds else ""
        blind = _unobserved(client, kinds, at=at, accounts=accounts, regions=regions) if at else ""
        raise Failure(f"Nothing known{f' at {at}' if at else ''} has the id or name {word!r}{among}{blind}.", SET_UP)
    for match in found[:_MOST_TOLD]:
        narrate(f"  {_told(match)}")
    if found[_MOST_TOLD:]:
        narrate(f"  and {len(found) - _MOST_TOLD} more")
    raise Failure(f"{word!r} names {len(found)} resources: write the reference of the one that is meant.", SET_UP)


def _unobserved(client: SyncClient, kinds: Sequence[str], **scope: Any) -> str:
    """How much of what a name was looked for in was not observed at the instant; "" where all of it was."""
    rows = [row for row in client.coverage(**scope)["rows"] if not kinds or row["kind"] in kinds]
    unseen = sum(row["state"] == "unobserved" for row in rows)
    return f": {unseen} of {counted(len(rows), 'place')} were not observed then" if unseen else ""


def reference(word: str) -> Ref | None:
    """A word as a reference, None where it has not the form of one."""
    try:
        return Ref.parse(word)
    except ValueError:
        return None


def _told(match: Json) -> str:
    name = f"  {clean(match['name'])}" if match["name"] not in ("", match["id"]) else ""
    gone = f"  (gone since {moment(match['gone'])} UTC)" if match["gone"] else ""
    return f"{clean(match['ref'])}{name}{gone}"
