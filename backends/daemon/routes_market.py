"""Spot beyond its forecasts: pools for a need, placement scores, interruption risk, savings. Asked, not kept."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

from fastapi import APIRouter, Request, Response

from analytics.spot.need import LONGEST_HOURS, Need, parse
from backends.aws.parsers import PageMaker
from backends.daemon import market
from backends.daemon.answers import answer, body_of, instant, number, text
from backends.daemon.asking import Asked, Asking
from backends.daemon.problems import Refusal, Route
from backends.model import Coverage, CoverageState, Json, Scope
from backends.store import Reader, Store, iso, utcnow

router = APIRouter(prefix="/v1/spot", route_class=Route)

_SECONDS = 60.0
SCORES_A_DAY = 20
"""New configurations that are asked about in a day at most; AWS limits them, and repeating an old one is free."""
_LEAST_TYPES = 3


@router.post("/pools")
async def pools(request: Request, asked: Asked) -> Response:
    """Pools for a need, the mix over them and its frontier."""
    body = await body_of(request)
    need, at, scope = parse(text(body, "need", "")), instant(body, "at"), await asked.scope(body)
    return answer(await _ranked(asked, need, scope, at))


async def _ranked(asked: Asking, need: Need, scope: Scope, at: datetime | None) -> Json:
    account = _account(need, scope)
    given = {"need": str(need), "account": account}
    found = await _ask(asked, "pools", scope, at, given)
    said = found.pop("said")[0]
    asked_today = await asked.read(lambda reader: _configurations(reader, scope, account))
    return {
        **{"need": str(need), "account": account, "hours": need.hours, "count": need.count, "cap": need.share},
        **found,
        **said,
        "scores_asked": asked_today,
        "scores_a_day": SCORES_A_DAY,
    }


@router.post("/scores")
async def scores(request: Request, asked: Asked) -> Response:
    """Ask AWS how it rates a need's whole request, zone by zone, and keep what it says; then rank again."""
    body = await body_of(request)
    need, scope = parse(text(body, "need", "")), await asked.scope(body)
    ranked = await _ranked(asked, need, scope, None)
    types, account = list(ranked["types"]), str(ranked["account"])
    if len(types) < _LEAST_TYPES:
        raise Refusal(
            *(400, "few-types"),
            f"AWS rates a request of fewer than {_LEAST_TYPES} types low whatever they are, and {len(types)} fit: "
            "its score would say nothing.",
        )
    regions = sorted({str(pool["region"]) for pool in ranked["pools"] if not pool["why_not"]})
    configuration = f"{need.count} {','.join(types)}"
    known = await asked.read(lambda reader: _configurations(reader, scope, account))
    if configuration not in known and len(known) >= SCORES_A_DAY:
        message = f"{SCORES_A_DAY} new requests were rated in the last 24 hours; AWS limits them. Ask tomorrow."
        raise Refusal(429, "scores-used-up", message)
    for region in regions:
        await _rate(asked, account, region, types, need.count)
    return answer(await _ranked(asked, need, scope, None))


async def _rate(asked: Asking, account: str, region: str, types: list[str], count: int) -> None:
    """One request to AWS and its answer into the store, as a sweep that closes nothing."""
    entry = asked.daemon.contexts.serving(account)
    if entry is None or entry.collector is None:
        raise Refusal(409, "no-credentials", f"No working credentials for account {account} are in use.")
    parameters = {
        "InstanceTypes": types,
        "TargetCapacity": count,
        "SingleAvailabilityZone": True,
        "RegionNames": [region],
    }
    told = await entry.collector.call(account, region, "ec2", "GetSpotPlacementScores", parameters)
    elements = [
        {**score, "InstanceTypes": types, "TargetCapacity": count} for score in told.get("SpotPlacementScores", [])
    ]
    kind = asked.daemon.kinds[market.SCORES]
    page, rows = await asyncio.to_thread(PageMaker(kind).page, elements)
    began = utcnow()

    def keep(store: Store) -> None:
        sweep = store.begin_sweep(account, region, kind.name, began)
        if rows:
            store.ingest(sweep, page)
        state = CoverageState.OK if rows else CoverageState.EMPTY
        store.finish_sweep(sweep, Coverage(account, region, kind.name, state, rows=rows, calls=1), utcnow())

    await asked.daemon.lanes.write(keep)
    asked.daemon.events.publish(kind.name)


def _configurations(reader: Reader, scope: Scope, account: str) -> list[str]:
    """The requests of an account that were first rated within a day."""
    table = reader.table(market.SCORES, scope.narrowed([account]))
    after = utcnow().replace(tzinfo=None) - timedelta(days=1)
    rows = zip(table.column("configuration").to_pylist(), table.column("first_seen").to_pylist(), strict=True)
    return sorted({name for name, seen in rows if seen is not None and seen >= after})


@router.post("/risk")
async def risk(request: Request, asked: Asked) -> Response:
    """How likely instances of each pool are taken back, with the evidence."""
    body = await body_of(request)
    hours = number(body, "hours", 24, 1, 24 * 365)
    given = {"hours": hours, "product": text(body, "product", "Linux/UNIX")}
    found = await _ask(asked, "risk", await asked.scope(body), instant(body, "at"), given)
    return answer({"hours": hours, **found})


@router.post("/savings")
async def savings(request: Request, asked: Asked) -> Response:
    """The fleet as it runs against on demand, Spot and Savings Plans."""
    body = await body_of(request)
    hours = number(body, "hours", LONGEST_HOURS, 1, LONGEST_HOURS)
    found = await _ask(asked, "savings", await asked.scope(body), instant(body, "at"), {"hours": hours})
    return answer({"hours": hours, **found, **found.pop("said")[0]})


@router.post("/demand")
async def demand(request: Request, asked: Asked) -> Response:
    """The size that each Auto Scaling group will need, and of one group the week by the hour."""
    body = await body_of(request)
    scope, at = await asked.scope(body), instant(body, "at")
    given = {"target": number(body, "target", 60, 1, 100), "group": text(body, "group", "")}
    found = await _ask(asked, "demand", scope, at, given)
    return answer({"target": given["target"], **found})


def _account(need: Need, scope: Scope) -> str:
    """Whose quota, offerings and types count."""
    accounts = market.accounts_of(scope)
    if need.account and need.account not in accounts:
        raise ValueError(f"Account {need.account} is not in the scope; there are {', '.join(accounts) or 'none'}.")
    return need.account or next(iter(accounts), "")


async def _ask(asked: Asking, question: str, scope: Scope, at: datetime | None, given: Json) -> Json:
    """The worker's answer to a question as JSON: name of a result → its rows, `at`, `as_of`, the `coverage` of what
    the question is about, and the `currency` of all money in it."""
    now = at or utcnow()
    gather = market.gather_load if question == "demand" else partial(market.gather, question=question)
    frames = await asked.read(lambda reader: gather(reader, scope=scope, at=at))
    parameters = given | {"now": iso(now), "past": at is not None}
    amiss = asked.daemon.amiss
    covered = await asked.read(lambda reader: reader.covered(market.ABOUT[question], scope, at, amiss))
    found = await asked.daemon.analysis.ask(question, frames, parameters, _SECONDS)
    rows = await asyncio.to_thread(lambda: {name: market.rows_of(table) for name, table in found.items()})
    head = {"at": iso(at) if at else None, "as_of": iso(now), "coverage": covered, "currency": asked.daemon.currency}
    return head | rows
