"""What every screen says at its top and bottom: whose AWS, how fresh, how complete, and what may be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from console.filter_hints import unquoted
from console.session import Session
from console.widgets import format as fmt
from console.widgets.ink import Line, Span
from console.widgets.sanitise import cut, sanitise, width

ROOMY = 100  # cells from which on words are written out
GOOD_STATES = ("ok", "empty")
STATE_LOOKS = {
    "ok": "ok",
    "empty": "stale",
    "denied": "denied",
    "throttled": "warn",
    "unsupported": "stale",
    "disabled": "stale",
    "error": "bad",
    "pending": "warn",
    "unobserved": "stale",
}


def arrange(left: Sequence[Span], right: Sequence[Span], cells: int, gap: str = "  ") -> Line:
    """Left parts, then the right ones at the right edge; what does not fit goes, the last first."""
    rights = list(right)
    while rights and _length(rights, gap) > cells // 2:
        rights.pop()
    room = cells - _length(rights, gap) - (2 if rights else 0)
    line: Line = [(" ", "")]
    taken = 1
    for text, look in left:
        if not text:
            continue
        wanted = width(text) + (len(gap) if taken > 1 else 0)
        if taken + wanted > room:
            if room - taken > 12:
                shortened = cut(text, room - taken - len(gap))
                line += [(gap, ""), (shortened, look)]
                taken += len(gap) + width(shortened)
            break
        if taken > 1:
            line.append((gap, ""))
        line.append((text, look))
        taken += wanted
    if rights:
        line.append((" " * (cells - taken - _length(rights, gap) - 1), ""))
        for number, (text, look) in enumerate(rights):
            if number:
                line.append((gap, ""))
            line.append((text, look))
        line.append((" ", ""))
    return line


def _length(spans: Sequence[Span], gap: str) -> int:
    return sum(width(text) for text, _ in spans) + len(gap) * max(0, len(spans) - 1)


def header(
    session: Session,
    trail: str,
    cells: int,
    banner: str = "",
    as_of: str = "",
    coverage: Mapping[str, Any] | None = None,
    oldest: str = "",
) -> list[Line]:
    """Two lines: where one is and what may be done; whose AWS, its credentials, how polling goes, how fresh it is.

    `as_of` is the instant that what is on screen was true at, "" before it is known; `coverage` is that of what is on
    screen, `oldest` when the part of it that is furthest behind was true.
    """
    now = datetime.now(UTC)
    label = sanitise(banner or session.label)
    roomy = cells >= ROOMY
    first: list[Span] = [("Quarterdeck", "bold")] if roomy or not session.at else []
    if label:
        first.append((f" {label} ", "bold anomaly reverse"))
    if session.at:
        back = "T or :at now returns" if roomy else "T returns"
        first.append((f" REPLAY {_dated(session.at, now)} · {back} ", "bold bad reverse"))
    first.append((shortened(sanitise(trail), cells // 2), "bold link"))
    return [
        arrange(first, _may(session, now), cells),
        _second_line(session, now, cells, (as_of, oldest), coverage or {}),
    ]


def _dated(at: str, now: datetime) -> str:
    """An instant, with its year where that is not this one."""
    then = fmt.instant(at)
    return (f"{then.year}-" if then is not None and then.year != now.year else "") + fmt.clock(at, now)


def _may(session: Session, now: datetime) -> list[Span]:
    """What may be done from here at this moment: the window to write in is the daemon's, and goes with it."""
    if not session.write:
        return [("read-only", "muted")]
    if session.state == "reconnecting":
        return [("write: no daemon", "bold warn")]
    if session.token_expires:
        return [(" WRITE ", "bold bad reverse"), (f"until {fmt.clock(session.token_expires, now)}", "bad")]
    return [(" WRITE ", "bold bad reverse"), ("no window open", "muted")]


def _second_line(
    session: Session, now: datetime, cells: int, fresh: tuple[str, str], coverage: Mapping[str, Any]
) -> Line:
    """Regions by name only where that leaves all of the credentials: these decide whether anything here is true."""
    told, progress = credentials(session, now, cells >= ROOMY), _progress(session, now, fresh, coverage)
    whose = _whose(session, 3 if cells >= ROOMY else 1)
    if _length([*whose, *told, *progress], "  ") > cells - 4:
        whose = _whose(session, 1)
    return arrange([*whose, *told], progress, cells)


def shortened(trail: str, cells: int) -> str:
    """The end of the way, which says most, where all of it has no room."""
    parts = trail.split(" › ")
    while len(parts) > 1 and width(" › ".join(parts)) > cells:
        parts = ["…", *parts[2 if parts[0] == "…" else 1 :]]
        if len(parts) == 2:
            break
    return cut(" › ".join(parts), cells)


def _whose(session: Session, named: int) -> list[Span]:
    """Accounts and regions of the scope; up to `named` regions by their names."""
    accounts = list(session.narrowing.accounts) or session.account_ids
    regions = list(session.narrowing.regions) or session.region_names
    out: list[Span] = []
    if accounts:
        name = session.account_name(accounts[0])
        first = f"{name} {accounts[0]}" if name else accounts[0]
        more = f" +{len(accounts) - 1}" if len(accounts) > 1 else ""
        out.append((sanitise(first) + more, "mark" if session.narrowing.accounts else ""))
    if regions:
        text = " ".join(regions) if len(regions) <= named else f"{len(regions)} regions"
        out.append((sanitise(text), "mark" if session.narrowing.regions else ""))
    return out


def credentials(session: Session, now: datetime, roomy: bool = True) -> list[Span]:
    """What is wrong with any account's credentials, else when the first of them end: a date only past a day."""
    ends: list[datetime] = []
    # Of an organization that was listed nothing can be denied.
    named = (account for account in session.accounts if account.get("account") or account.get("state") != "ok")
    all_denied = all(account.get("state") == "denied" for account in named)
    for account in session.accounts:
        state = str(account.get("state", "ok"))
        if state == "denied" and not account.get("account") and account.get("role") and not all_denied:
            continue  # an account that has never let us in is told of on the home screen
        if state == "error" and account.get("problem"):
            # Not the credentials, as far as anybody knows: no answer, a certificate, a clock.
            return [(cut(sanitise(str(account["problem"])), 48), "bold bad")]
        if state != "ok":
            names = (account.get(name) for name in ("alias", "role", "profile", "account"))
            who = next(filter(None, names), "default")
            return [(sanitise(f"credentials {state}: {who}"), "bold bad")]
        at = fmt.instant(account.get("expires"))
        if at is not None:
            ends.append(at)
    if not ends:
        return [("credentials ok" if roomy else "creds ok", "muted")] if session.accounts else []
    left = (min(ends) - now).total_seconds()
    if left <= 0:
        return [("credentials expired; data is kept, sign in again", "bold bad")]
    end = f"{min(ends):%H:%MZ}" if left < 86_400 else f"{min(ends):%m-%d}"
    return [(f"credentials until {end}" if roomy else f"creds {end}", "warn" if left < 900 else "muted")]


def _progress(session: Session, now: datetime, fresh: tuple[str, str], coverage: Mapping[str, Any]) -> list[Span]:
    if session.state == "connecting":
        return [(sanitise(session.progress), "warn")]
    if session.state == "reconnecting":
        return [("daemon lost, reconnecting; data is stale", "bold bad")]
    if not session.at and unreached(coverage):
        heard = coverage.get("newest_good")
        last = f"last heard {_second(str(heard))}" if heard else "never heard"
        why = "store full" if session.status.get("store_problem") else "polls fail"
        return [(f"{last}, {why} (!)", "bold bad")]
    polling = session.polling
    out: list[Span] = []
    total, done = int(polling.get("total") or 0), int(polling.get("done") or 0)
    if polling.get("paused"):
        out.append(("polling paused", "warn"))
    elif not polling.get("first_poll_complete", True):
        first = polling.get("first_poll_ever", True)
        out.append((f"{'first poll' if first else 'polling'} {done}/{total}", "warn" if first else "muted"))
    if session.status.get("store_problem"):
        out.append(("store full (!)", "bold bad"))
    if polling.get("errors"):
        out.append((f"{polling['errors']} error{'s' if polling['errors'] != 1 else ''} (!)", "bad"))
    if fresh[0]:
        out.append((_fresh(*fresh, now), "muted"))
    return out


def unreached(coverage: Mapping[str, Any]) -> bool:
    """Whether every poll of what is on screen ended in an error: AWS is not reached, or what answers is not AWS."""
    states = {state for state, count in (coverage.get("states") or {}).items() if count}
    return "error" in states and not states & {*GOOD_STATES, "pending"}


def _fresh(as_of: str, oldest: str, now: datetime) -> str:
    """As of when what is on screen is true; from when to when, where its places were not heard of together."""
    since, until = fmt.instant(oldest), fmt.instant(as_of)
    if since is None or until is None:
        return f"as of {_second(as_of)}"
    return f"as of {fmt.clock(oldest, now).removesuffix('Z')}–{fmt.clock(as_of, now)}"


def _second(text: str) -> str:
    at = fmt.instant(text)
    return f"{at:%H:%M:%SZ}" if at else sanitise(text)


def coverage_spans(coverage: Mapping[str, Any]) -> list[Span]:
    """`ok 5 · denied 1 ec2:DescribeVolumes`: every state has its word."""
    states = coverage.get("states") or {}
    out: list[Span] = []
    for state in sorted(states, key=lambda name: list(STATE_LOOKS).index(name) if name in STATE_LOOKS else 99):
        if states[state]:
            out.append((f"{state} {states[state]}", STATE_LOOKS.get(state, "warn")))
    problems = [sanitise(str(problem)) for problem in coverage.get("problems") or ()]
    if problems:
        out.append((cut(problems[0], 48), STATE_LOOKS["denied"] if "denied" in states else "warn"))
    return out


def empty_notice(title: str, coverage: Mapping[str, Any], *, filter: str, at: str, partial: bool) -> list[Line]:
    """Why a table has no rows, in words: filtered out, denied, not polled yet, not observed then, or truly none."""
    states = {state: count for state, count in (coverage.get("states") or {}).items() if count}
    problems = [sanitise(str(problem)) for problem in coverage.get("problems") or ()]
    lines: list[Line] = []
    if filter:
        lines.append(
            [
                ("  No ", ""),
                (title, "bold"),
                (" match ", ""),
                (sanitise(filter), "mark"),
                (". esc clears the filter.", ""),
            ]
        )
        if hint := unquoted(filter):
            lines.append([("  ", ""), (sanitise(hint), "mark")])
    elif not states:
        said = "was not observed at that instant" if at else "has not been polled yet"
        lines.append([("  ", ""), (title, "bold"), (f": {said}.", "stale")])
    elif "pending" in states or partial:
        lines.append([("  ", ""), (title, "bold"), (": the first poll is still under way.", "warn")])
    elif set(states) <= {"empty", "ok"}:
        where = " then" if at else ""
        lines.append(
            [("  There are no ", ""), (title, "bold"), (f" in this scope{where}: every poll of it succeeded.", "")]
        )
    else:
        good = sum(states.get(state, 0) for state in GOOD_STATES)
        lines.append(
            [
                ("  ", ""),
                (title, "bold"),
                (": not known. ", ""),
                (f"{good} of {sum(states.values())} polls succeeded.", "warn"),
            ]
        )
    lines += [[("  ", ""), (f"{problem}", "denied")] for problem in problems[:6]]
    if problems:
        lines.append([("  ! shows coverage and every error.", "muted")])
    return lines
