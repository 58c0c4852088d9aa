"""What there is: kinds, rows, one resource, changes, coverage, series, read-only SQL, imports."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from fastapi import APIRouter, Request, Response

from backends.context import partition_of
from backends.currency import currency_of, is_money
from backends.daemon.answers import answer, body_of, instant, number, ready, text, texts
from backends.daemon.asking import Asked, Serving, guest
from backends.daemon.contexts import nobody
from backends.daemon.core import Daemon
from backends.daemon.meaning import SERIES, market_of
from backends.daemon.problems import Refusal, Route
from backends.model import IMPORTED, Kind, Ref, Scope
from backends.store import Query, Reader, iso, utcnow

router = APIRouter(prefix="/v1", route_class=Route)

_SQL_SECONDS = 10.0


@router.get("/kinds")
async def kinds(daemon: Serving) -> Response:
    """Every kind's declaration."""
    return ready(daemon.declarations)


@router.post("/rows")
async def rows(request: Request, asked: Asked) -> Response:
    """A window of a kind's rows."""
    body = await body_of(request)
    kind = _kind(asked, text(body, "kind"))
    if asked.entry is asked.daemon.contexts.guest and asked.daemon.kinds[kind].series is None:
        raise nobody()
    sort = asked.daemon.lanes.store.parse_sort(kind, text(body, "sort", ""))
    query = Query(
        kind,
        await asked.scope(body),
        text(body, "filter", ""),
        sort,
        instant(body, "at"),
        number(body, "offset", 0, 0, 1 << 40),
        number(body, "limit", 200, 0, 20_000),
        text(body, "anchor", "") or None,
        asked.daemon.amiss,
    )
    return ready(await asked.read(lambda reader: reader.rows(query)))


def _kind(asked: Asked, name: str) -> str:
    if name not in asked.daemon.kinds:
        raise Refusal(404, "no-such-kind", f"There is no kind {name!r}; there are {', '.join(asked.daemon.kinds)}.")
    return name


@router.get("/coverage")
async def coverage(request: Request, asked: Asked) -> Response:
    """How the last sweep of every triple ended, now or as of an instant; `store_problem` is why none is kept now."""
    scope, at = await asked.scope(request.query_params), instant(request.query_params, "at")
    amiss = asked.daemon.amiss
    found = await asked.read(lambda reader: reader.coverage(scope, at, amiss))
    return ready(found[:-1] + f', "store_problem": {json.dumps(asked.daemon.lanes.problem)}}}'.encode())


@router.get("/find")
async def find(request: Request, asked: Asked) -> Response:
    """What has an id, a name or an ARN, at an instant or now; what is gone only where nothing is there."""
    query = request.query_params
    word, at = text(query, "word"), instant(query, "at")
    wanted, scope = [_kind(asked, kind) for kind in texts(query, "kinds")], await asked.scope(query)
    return ready(await asked.read(lambda reader: reader.find(word, scope, wanted, at)))


@router.get("/resource")
async def resource(request: Request, asked: Asked) -> Response:
    """One resource of the context's own accounts; with `last` one that is gone as it was last known."""
    query = request.query_params
    at, scope = instant(query, "at"), await asked.scope()
    ref, last = _own(asked, text(query, "ref"), scope), number(query, "last", 0, 0, 1) == 1
    amiss = asked.daemon.amiss
    return ready(await asked.read(lambda reader: reader.resource(ref, at, scope, last=last, amiss=amiss)))


def _own(asked: Asked, ref_text: str, scope: Scope) -> Ref:
    """The reference, a Refusal where it is none of the scope's."""
    ref = Ref.parse(ref_text)
    nobodys = not asked.daemon.kinds[_kind(asked, ref.kind)].polled and ref.account == IMPORTED
    if not (ref.region in scope.regions if nobodys else scope.holds(ref.account, ref.region)):
        raise Refusal(404, "not-found", f"There is no {ref.kind} {ref.id} in the accounts of these credentials.")
    return ref


@router.get("/changes")
async def changes(request: Request, asked: Asked) -> Response:
    """What changed between two instants; "-30m" is before `until` or, where it is said, before `counted_from`.

    Of one resource with `ref`; with `by` only what was done by whoever's name has that text in it.
    """
    query = request.query_params
    until = instant(query, "until")
    seen_from = instant(query, "counted_from") if query.get("counted_from") else until
    since = instant(query, "since", seen_from) or (until or utcnow()) - timedelta(minutes=30)
    if until is not None and since > until:
        raise ValueError(f"Changes are told from an earlier to a later instant, not from {iso(since)} to {iso(until)}.")
    wanted = [_kind(asked, kind) for kind in texts(query, "kinds")]
    limit, scope = number(query, "limit", 500, 1, 20_000), await asked.scope(query)
    by, ref_text = text(query, "by", ""), text(query, "ref", "")
    ref = _own(asked, ref_text, scope) if ref_text else None
    return ready(await asked.read(lambda reader: reader.changes(since, until, wanted, scope, limit, ref=ref, by=by)))


@router.get("/series")
async def series(request: Request, asked: Asked) -> Response:
    """The points of one market of the context's regions, up to an instant or now."""
    query = request.query_params
    name, at = text(query, "series"), instant(query, "at")
    since = instant(query, "since", at)
    market, scope = market_of(text(query, "market")), await asked.scope()
    if market.partition("/")[0] not in scope.regions:
        raise Refusal(404, "not-found", "There is no such market in the regions of these credentials.")
    kind = next((kind for kind in asked.daemon.kinds.values() if kind.series and kind.series.name == name), None)
    source = f"{kind.service}:{kind.calls[-1].operation}" if kind and kind.polled else "imported" if kind else ""

    def work(reader: Reader) -> bytes:
        found = reader.series(name, market, since, at)
        return found[:-1] + f', "source": {json.dumps(source)}}}'.encode()

    return ready(await asked.read(work))


@router.post("/sparks")
async def sparks(request: Request, asked: Asked) -> Response:
    """The last day, before an instant or now, of each market asked for, by the ref it was asked by."""
    body = await body_of(request)
    asked_refs, at = texts(body, "refs")[:2000], instant(body, "at")
    regions = (await asked.scope()).regions
    markets = {ref: market_of(ref) for ref in asked_refs}
    mine = {ref: market for ref, market in markets.items() if market.partition("/")[0] in regions}

    def work(reader: Reader) -> bytes:
        found = json.loads(reader.sparks(SERIES, list(mine.values()), at))
        return json.dumps({ref: found[market] for ref, market in mine.items() if market in found}).encode()

    return ready(await asked.read(work))


@router.post("/sql")
async def sql(request: Request, asked: Asked) -> Response:
    """One read-only SELECT, on what is known now or was then, of a user whose credentials cover every account in the
    store: SQL knows no scope."""
    body = await body_of(request)
    query, at = text(body, "query"), instant(body, "at")
    scope, amiss = await asked.scope(), asked.daemon.amiss

    def work(reader: Reader) -> bytes:
        foreign = sorted(set(reader.watched().accounts) - {*scope.accounts, IMPORTED})
        if foreign:
            text = f"The store also holds account {foreign[0]}, which these credentials do not name; SQL would see it."
            raise Refusal(403, "other-accounts", text)
        return reader.sql(query, at=at, amiss=amiss)

    return ready(await asked.read(work, _SQL_SECONDS))


@router.post("/import/points")
async def import_points(request: Request, daemon: Serving) -> Response:
    """Take in the Arrow files of a directory inside the store's own work directory."""
    body = await body_of(request)
    name, directory = text(body, "series"), Path(text(body, "directory"))
    parts = await asyncio.to_thread(_parts, directory, daemon.lanes.store.work)
    if any(is_money(column.unit) for kind in _kinds_of(daemon, name) for column in kind.columns):
        await asyncio.to_thread(refuse_other_money, parts, daemon.settings.partition)
    new = await daemon.lanes.write(lambda store: store.ingest_points(name, parts))
    await daemon.lanes.write(lambda store: store.list_imported(name, parts, utcnow()))
    await guest(daemon, again=True)
    for kind in _kinds_of(daemon, name):
        daemon.events.publish(kind.name)
        daemon.events.publish("coverage")
        daemon.analysis.noticed(kind.name)
    return answer({"points": new, "new": new})


def _kinds_of(daemon: Daemon, series: str) -> list[Kind]:
    return [kind for kind in daemon.kinds.values() if kind.series and kind.series.name == series]


def refuse_other_money(parts: list[Path], partition: str) -> None:
    """A price has no currency beside it but that of its region's partition: one store holds those of one."""
    currency = currency_of(partition)
    for part in parts:
        with pa.memory_map(str(part)) as source:
            regions = pa.ipc.open_file(source).read_all().column("region").unique().to_pylist()
        for region in regions:
            if (other := currency_of(partition_of(region))) != currency:
                raise Refusal(
                    *(409, "other-currency"),
                    f"Prices of {region} are in {other}, and those of this store in {currency}: nothing was imported. "
                    f"Import them with AWS_REGION={region}, which has a store of its own.",
                )


def _parts(directory: Path, work: Path) -> list[Path]:
    if not directory.resolve().is_relative_to(work.resolve()):
        raise Refusal(400, "outside", f"{directory} is outside the store's work directory.")
    return sorted(directory.glob("part-*.arrow"))
