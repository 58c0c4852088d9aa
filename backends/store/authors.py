"""Who made a change: the CloudTrail events that name the resource and lie between its last sight and its first new one.

A step of its own over changes that are found already: what it costs depends on how many those are and on how many
events lie in their time, not on how many resources there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb

from backends.model import GLOBAL_REGION, Json, Kind, iam_action
from backends.store.deeds import deeds
from backends.store.events import Span, spans
from backends.store.fitting import Candidate, chosen, ends
from backends.store.horizon import WHOLE, horizons
from backends.store.instants import iso, stored, utcnow
from backends.store.schema import KindTable
from backends.store.sight import Sight

TRAIL = "cloudtrail.event"
UNKNOWN = "unknown"
_GLOBAL_EVENTS = ("us-east-1", "cn-north-1", "us-gov-west-1")
"""Where the events of IAM and other global services are, partition by partition."""
_SLACK = timedelta(seconds=2)
"""CloudTrail's times, and the dates by which clocks are compared, are cut to seconds."""
_UNSEEN = timedelta(days=1)
"""How far back is looked where no good poll saw the resource's place before."""
_LINGERING = timedelta(minutes=15)
"""How long what belongs to a resource may still be seen after somebody ended that."""
_POLL = timedelta(minutes=1)
_DISTINCT = re.compile(r"arn:|[a-z]{1,12}-[0-9a-f]{8,17}\Z")
"""What names one resource of all: an ARN, "i-0123456789abcdef0". Mere names mean one within their service."""
_SOURCES = {"cloudwatch": "monitoring"}
"""Where an event's source is not called as the IAM actions of its service are."""
_MOST_TOLD = 20
_TOLD = ("id", "at", "name", "user", "user_type", "source", "source_ip", "user_agent", "access_key")

Spans = Mapping[tuple[str, str], Sequence[Span]]


def authors(cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], sights: Sequence[Sight]) -> list[Json]:
    """For each change `{"by", "events", "why"}`.

    by      who: a user, a role and its session, a service; several where it may have been any of them; somebody through
            Quarterdeck, where only its own audit tells so far; or "unknown"
    events  what may have done it, the nearest first: one where one fits best, at most twenty
    why     a sentence wherever that is not certain: several, none though CloudTrail was read, or it was not read
    """
    if not sights:
        return []
    now = stored(utcnow())
    times = [_time(sight, now) for sight in sights]
    told = _by_trail(cursor, tables, sights, times)
    own = deeds(
        cursor,
        {number: (sights[number], times[number]) for number, one in enumerate(told) if one["by"] == UNKNOWN},
    )
    return [own.get(number, one) for number, one in enumerate(told)]


def _by_trail(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    sights: Sequence[Sight],
    times: Sequence[tuple[datetime, datetime]],
) -> list[Json]:
    """What CloudTrail tells of each change."""
    if TRAIL not in tables:
        return [_nobody("CloudTrail's events are not kept here.") for _ in sights]
    read = spans(cursor, TRAIL, {sight.account for sight in sights})
    found = _candidates(cursor, tables, sights, times, read)
    if len(found) == len(sights):
        return [_told(found[number], sight) for number, sight in enumerate(sights)]
    silence = _Silence(cursor, tables[TRAIL].kind, sights, read)
    return [
        _told(found[number], sight) if number in found else _nobody(silence.why(sight, *times[number]))
        for number, sight in enumerate(sights)
    ]


def _nobody(why: str) -> Json:
    return {"by": UNKNOWN, "events": [], "why": why}


def _told(candidates: list[Candidate], sight: Sight) -> Json:
    best, fits = chosen(candidates, sight.kind, sight.what, sight.fields, ended=bool(sight.owner))
    events = [candidate.event for candidate in best]
    shown, number = events[:_MOST_TOLD], len(events)
    if not fits:
        named = "One event names it" if number == 1 else f"{number} events name it"
        return {"by": UNKNOWN, "events": shown, "why": f"{named}, but none that does this."}
    users = list(dict.fromkeys(str(event["user"] or event["source"]) for event in events))
    why = "" if number == 1 else f"{number} events may have done it; the nearest comes first."
    return {"by": " or ".join(users[:3]) + (" or others" if len(users) > 3 else ""), "events": shown, "why": why}


def _time(sight: Sight, now: datetime) -> tuple[datetime, datetime]:
    """From when to when a change was made, by our own clock: a poll may see what happens until it ends."""
    # Of a poll that is still under way, or whose end is no longer kept, it is not known how long it took.
    ended = sight.ended or min(now, sight.moment + _POLL)
    return sight.before or sight.moment - _UNSEEN, max(ended, sight.moment)


def _candidates(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    sights: Sequence[Sight],
    times: Sequence[tuple[datetime, datetime]],
    read: Spans,
) -> dict[int, list[Candidate]]:
    """What was carried out in the time of each change and names its resource: place in `sights` → the nearest first."""
    ways = [_names(tables[sight.kind].kind, tables[sight.kind].name_column, sight) for sight in sights]
    sought = [
        _sought(sight, names, *time, _skew(read, sight)) for sight, names, time in zip(sights, ways, times, strict=True)
    ]
    named = _naming(cursor, tables[TRAIL], sought)
    found: dict[int, list[Candidate]] = {}
    for number, (sight, words_of) in enumerate(zip(sights, sought, strict=True)):
        kind = tables[sight.kind].kind
        for event, words in _within(named, sight, words_of):
            told: Json = dict(zip((*_TOLD, "region"), event, strict=True))
            own = _source(kind) == str(told["source"]).partition(".")[0]
            with_owner = sight.owner in words and ends(str(told["name"] or ""))
            if with_owner or _meant(ways[number], words, own=own):
                region = told.pop("region")
                told |= {"at": iso(told["at"]), "ref": f"{TRAIL}@{sight.account}/{region}/{told['id']}"}
                found.setdefault(number, []).append(Candidate(told))
    return found


def _sought(
    sight: Sight, ways: Sequence[Sequence[str]], since: datetime, until: datetime, skew: timedelta
) -> dict[str, tuple[datetime, datetime]]:
    """From when to when, by AWS's clock, an event with each word may be of a change."""
    words = dict.fromkeys((word for together in ways for word in together), since)
    if sight.owner:
        words[sight.owner] = since - _LINGERING
    return {word: (first + skew - _SLACK, until + skew + _SLACK) for word, first in words.items()}


def _naming(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, sought: Sequence[Mapping[str, tuple[datetime, datetime]]]
) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """(account, word) → the events in question that have the word, newest first."""
    times = [span for words_of in sought for span in words_of.values()]
    if not times:
        return {}
    facts = 'id, "time" AS at, name, "user", user_type, source, source_ip, user_agent, access_key, region'
    # Whose time an event is in is told here: handing a row for each word to DuckDB takes longer than all of that.
    rows = cursor.execute(
        f"SELECT e.account, list(e.word), {', '.join(f'e.{name}' for name in (*_TOLD, 'region'))} FROM ("
        f" SELECT account, {facts}, unnest(mentions) AS word FROM {table.now}"
        " WHERE \"time\" >= $first AND \"time\" <= $last AND coalesce(error, '') = '' AND read_only IS NOT TRUE) e"
        " SEMI JOIN (SELECT unnest($words::VARCHAR[]) AS word) w ON e.word = w.word"
        " GROUP BY ALL ORDER BY e.at DESC, e.id",
        {
            "words": list({word for words_of in sought for word in words_of}),
            "first": min(first for first, _ in times),
            "last": max(last for _, last in times),
        },
    ).fetchall()
    named: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for account, words, *event in rows:
        for word in dict.fromkeys(words):
            named.setdefault((account, word), []).append(tuple(event))
    return named


def _within(
    named: Mapping[tuple[str, str], Sequence[tuple[Any, ...]]],
    sight: Sight,
    words_of: Mapping[str, tuple[datetime, datetime]],
) -> list[tuple[tuple[Any, ...], set[str]]]:
    """The events in the time and place of a change, newest first, each with the words that it has of those."""
    found: dict[tuple[Any, ...], set[str]] = {}
    for word, (first, last) in words_of.items():
        for event in named.get((sight.account, word), ()):
            at, region = event[1], event[-1]
            if first <= at <= last and sight.region in (region, GLOBAL_REGION):
                found.setdefault(event, set()).add(word)
    by_id = sorted(found.items(), key=lambda item: str(item[0][0]))
    return sorted(by_id, key=lambda item: item[0][1], reverse=True)


def _names(kind: Kind, name_column: str, sight: Sight) -> tuple[tuple[str, ...], ...]:
    """The ways to name a resource, each the words that an event has to have all of."""
    ways: list[tuple[str, ...]] = [(sight.id,)]
    if len(kind.key) > 1:
        ways.append(tuple(sight.id.split("/")))
    if sight.id.startswith("arn:"):
        ways.append((re.split(r"[/:]", sight.id)[-1],))
    # A name that is a tag names nothing in a request.
    tagged = name_column == "id" or "Tag" in kind.column(name_column).path
    if sight.name and not tagged:
        ways.append((sight.name,))
    return tuple(dict.fromkeys(ways))


def _meant(ways: Sequence[tuple[str, ...]], words: set[str], *, own: bool) -> bool:
    """Whether an event that has those words means the resource; `own`: it is of the resource's own service."""
    return any(words.issuperset(way) and (own or all(map(_DISTINCT.match, way))) for way in ways)


def _source(kind: Kind) -> str:
    """What the source of its service's events begins with: "ec2" of "ec2.amazonaws.com"."""
    service = iam_action(kind.service, "").partition(":")[0]
    return _SOURCES.get(service, service)


def _skew(read: Spans, sight: Sight) -> timedelta:
    """By how much AWS's clock is ahead of ours, as the newest poll of the events found."""
    places = [(sight.account, region) for region in _event_regions(sight)]
    newest = max((read[place][-1] for place in places if place in read), key=lambda span: span.until, default=None)
    return timedelta(seconds=newest.skew if newest else 0.0)


def _event_regions(sight: Sight) -> tuple[str, ...]:
    return _GLOBAL_EVENTS if sight.region == GLOBAL_REGION else (sight.region,)


class _Silence:
    """Why no event tells of a change: there is none, AWS may still tell of one, it is no longer kept, or CloudTrail was
    not read."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, kind: Kind, sights: Sequence[Sight], read: Spans) -> None:
        self._late = timedelta(minutes=kind.log.late if kind.log else 0)
        self._read = read
        self._kept = horizons(cursor).get(TRAIL, WHOLE)
        found = cursor.execute(
            "SELECT account, region, state, problem FROM own.watch WHERE kind = ?"
            " AND list_contains(?::VARCHAR[], account)",
            [TRAIL, sorted({sight.account for sight in sights})],
        ).fetchall()
        self._watched = {(account, region): (state, problem) for account, region, state, problem in found}

    def why(self, sight: Sight, since: datetime, until: datetime) -> str:
        """A sentence about a change that was made between two instants of our own clock."""
        places = [(sight.account, region) for region in _event_regions(sight)]
        for place in places:
            for span in self._read.get(place, ()):
                if span.since <= since and until <= span.until:
                    if until <= span.until - self._late:
                        return "CloudTrail was read for that time and tells of no such event."
                    minutes = int(self._late.total_seconds() // 60)
                    return f"CloudTrail tells of events up to {minutes} minutes late: not known yet."
        state, problem = next((self._watched[place] for place in places if place in self._watched), ("", ""))
        if state in ("", "pending"):
            return "CloudTrail was not read: it was not polled yet."
        read = [span for place in places for span in self._read.get(place, ())]
        if self._kept.lost(since) and all(since < span.since for span in read):
            return f"CloudTrail's events of that time are no longer kept: {self._kept.told(since)}."
        if state not in ("ok", "empty"):
            return f"CloudTrail was not read: {problem or state}"
        if read and until > max(span.until for span in read):
            return "CloudTrail was not read for that time yet."
        return "CloudTrail was not read for that time."
