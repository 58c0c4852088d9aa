"""What is told of meaning is of the accounts and regions that were chosen, and of the instant that is looked at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from fastapi import Request, Response

from analytics.spot.levels import KNOTS, LEVELS
from backends.aws.kinds import KINDS
from backends.daemon import routes_data, routes_meaning
from backends.daemon.asking import Asking
from backends.daemon.contexts import Entry
from backends.daemon.core import Daemon
from backends.daemon.home import Figures
from backends.daemon.problems import Refusal
from backends.model import Account, Kind
from backends.store import Amiss, Reader, Run, Store
from tests.unit.store_world import ACCOUNT, at, open_store, sweep

OTHER, HERE, THERE = "444455556666", "eu-west-1", "us-east-1"
KIND: dict[str, Kind] = {kind.name: kind for kind in KINDS}
VOLUME, COST, PRICE = KIND["ec2.volume"], KIND["cost.daily"], KIND["spot.price"]
DAY = datetime(2026, 11, 19)
MARKET = "z1/c5.large/Linux"
NOTHING = Amiss()


def volume(name: str, state: str) -> dict[str, Any]:
    return {"id": name, "volume_id": name, "state": state}


def cost(day: datetime, amount: float) -> dict[str, Any]:
    return {"id": f"{day:%Y-%m-%d}/EC2", "day": day, "service": "EC2", "amount": amount}


def price(minutes: float, value: float) -> dict[str, Any]:
    return {"id": MARKET, "zone_id": "z1", "instance_type": "c5.large", "product": "Linux"} | {
        "changed": at(minutes),
        "price": value,
    }


def frame(**columns: Any) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def judge(store: Store, minutes: float, **saving: float) -> None:
    """A run of advice, one piece for each account."""
    accounts = [name.removeprefix("of_") for name in saving]
    refs = [f"ec2.volume@{account}/{HERE}/v" for account in accounts]
    titles = [f"advice of {account}" for account in accounts]
    rows = frame(ref=refs, title=titles, monthly_saving=list(saving.values()))
    store.save_run(Run("advice", "advice", at(minutes)), rows)


def forecast(store: Store, minutes: float, last: float) -> None:
    known = {"market": [f"{HERE}/{MARKET}"], "region": [HERE], "zone": ["a"], "instance_type": ["c5.large"]}
    made = {"product": ["Linux"], "model": ["m"], "as_of": [at(minutes)], "last_price": [last], "note": [""]}
    flat, fan = [last] * len(KNOTS), [last] * len(KNOTS) * len(LEVELS)
    ahead = {"knots": [list(KNOTS)], "mean": [flat], "naive": [flat], "quantiles": [fan]}
    skill = {name: [0.1] for name in ("mae_skill_24", "crps_skill_24", "mae_skill_168", "crps_skill_168")}
    rest = {"coverage80": [0.8], "coverage95": [0.95], "naive_better": [False], "origins": [9]}
    rows = frame(**known, **made, **ahead, **skill, **rest, excluded=pa.array([None], pa.string()))
    store.save_run(Run("forecasts", "forecasts", at(minutes)), rows)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, KINDS)
    for account, amount in ((ACCOUNT, 10.0), (OTHER, 1.0)):
        sweep(store, COST, 0, [cost(DAY, amount), cost(DAY + timedelta(days=1), amount / 2)], account=account)
        sweep(store, VOLUME, 0, [volume(f"{account}-1", "in-use")], account=account, region=HERE)
        sweep(store, VOLUME, 3, [volume(f"{account}-1", "error")], account=account, region=HERE)
    sweep(store, VOLUME, 3, [volume("far", "in-use")], region=THERE)
    sweep(store, PRICE, 0, [price(-60, 0.04)], region=HERE)
    yield store
    store.close()


def asking(store: Store, query: str, amiss: Amiss, problem: str) -> tuple[Request, Asking]:
    async def receive() -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()

    async def read(work: Callable[[Reader], Any], seconds: float = 0.0) -> Any:
        return work(cast(Reader, store))

    request = Request({"type": "http", "query_string": query.encode(), "headers": [], "path": "/"}, receive)
    parts = {
        "kinds": KIND,
        "events": SimpleNamespace(news=1),
        "currency": "USD",
        "figures": Figures(),
        "amiss": amiss,
    }
    daemon = SimpleNamespace(lanes=SimpleNamespace(read=read, problem=problem), **parts)
    accounts = (
        Account(ACCOUNT, regions=(HERE, THERE), alias="production", profile="prod"),
        Account(OTHER, state="expired", regions=(HERE,)),
    )
    entry = Entry("c", cast(Any, None), accounts=accounts)
    return request, Asking(cast(Daemon, daemon), entry, request)


def told(store: Store, route: Callable[..., Any], query: str = "", *, amiss: Amiss = NOTHING, problem: str = "") -> Any:
    request, asked = asking(store, query, amiss, problem)
    takes_request = "request" in route.__annotations__
    response: Response = asyncio.run(route(request, asked) if takes_request else route(asked))
    return json.loads(bytes(response.body))


def test_home_is_of_the_chosen_accounts_and_regions(store: Store) -> None:
    judge(store, 4, of_111122223333=7.0, of_444455556666=2.0)
    everything, other = (told(store, routes_meaning.home, query) for query in ("", f"accounts={OTHER}"))
    assert [answer["counts"]["ec2.volume"] for answer in (everything, other)] == [3, 1]
    assert [answer["cost"]["month_to_date"] for answer in (everything, other)] == [16.5, 1.5]
    assert [answer["advice_total"] for answer in (everything, other)] == [9.0, 2.0]
    assert told(store, routes_meaning.home, f"regions={THERE}")["counts"]["ec2.volume"] == 1
    first = told(store, routes_meaning.home, f"accounts={ACCOUNT}")
    assert not [item for item in first["attention"] if "Credentials" in item["title"]]


@pytest.mark.parametrize("query", [f"accounts={OTHER}", f"accounts={OTHER}&regions={HERE}"])
def test_costs_advice_and_coverage_are_of_the_chosen_accounts(store: Store, query: str) -> None:
    judge(store, 4, of_111122223333=7.0, of_444455556666=2.0)
    assert told(store, routes_meaning.costs, query)["total"] == [1.0, 0.5]
    assert [row["title"] for row in told(store, routes_meaning.advice, query)] == [f"advice of {OTHER}"]
    assert {row["account"] for row in told(store, routes_data.coverage, query)["rows"]} == {OTHER}


def test_the_past_of_home_is_what_was_known_then(store: Store) -> None:
    judge(store, 4, of_111122223333=7.0)
    then, now = (told(store, routes_meaning.home, query) for query in ("at=2026-11-20T12:01:00Z", ""))
    assert then["as_of"] == "2026-11-20T12:01:00Z"
    assert (then["counts"]["ec2.volume"], now["counts"]["ec2.volume"]) == (2, 3)
    assert "bad" not in then["health"]["ec2.volume"]
    assert now["health"]["ec2.volume"]["bad"] == 2
    assert (then["advice_total"], now["advice_total"]) == (None, 7.0)
    assert not [item for item in then["attention"] if "Credentials" in item["title"]], "known of the present only"
    before = told(store, routes_meaning.home, "at=2026-11-01T00:00:00Z")
    assert (before["cost"]["month_to_date"], before["counts"]["ec2.volume"]) == (None, 0)
    assert set(before["coverage"]["states"]) == {"unobserved"}
    assert (before["changes_30m"], set(before["unobserved"])) == (None, set(KIND))
    assert {"ec2.volume", "cost.daily"}.isdisjoint(then["unobserved"])


def test_results_are_those_of_the_newest_run_by_the_instant(store: Store) -> None:
    judge(store, 4, of_111122223333=7.0)
    judge(store, 9, of_111122223333=1.0)
    asked = ("at=2026-11-20T12:03:00Z", "at=2026-11-20T12:05:00Z", "")
    assert [[row["monthly_saving"] for row in told(store, routes_meaning.advice, at_)] for at_ in asked] == [
        [],
        [7.0],
        [1.0],
    ]
    runs = [told(store, routes_meaning.runs, at_)["advice"] for at_ in asked]
    assert [run and run["as_of"] for run in runs] == [None, "2026-11-20T12:04:00Z", "2026-11-20T12:09:00Z"]


def test_a_run_whose_rows_are_no_longer_kept_answers_for_no_instant(store: Store) -> None:
    for minute in range(4, 12):
        judge(store, minute, of_111122223333=float(minute))
    then = told(store, routes_meaning.advice, "at=2026-11-20T12:06:30Z")
    assert {(row["monthly_saving"], row["as_of"]) for row in then} == {(4.0, "2026-11-20T12:04:00Z")}


def test_a_fan_of_the_past_holds_no_later_price_and_a_fan_says_when_its_price_has_moved(store: Store) -> None:
    forecast(store, 1, 0.04)
    market = f"market=spot.price@{ACCOUNT}/{HERE}/{MARKET}"
    assert told(store, routes_meaning.forecasts, market)["moved"] is None
    sweep(store, PRICE, 20, [price(19, 0.06)], region=HERE)
    now = told(store, routes_meaning.forecasts, market)
    assert now["moved"] == "2026-11-20T12:19:00Z"
    then = told(store, routes_meaning.forecasts, f"{market}&at=2026-11-20T12:05:00Z")
    assert (then["moved"], [value for _, value in then["history"]]) == (None, [0.04])
    before = told(store, routes_meaning.forecasts, f"{market}&at=2026-11-20T12:00:30Z")
    assert before["horizon"] == []
    assert "by then" in before["reason"]


def test_changes_of_half_an_hour_end_at_the_instant_looked_at(store: Store) -> None:
    answer = told(store, routes_data.changes, "since=-30m&until=2026-11-20T12:10:00Z")
    assert (answer["since"], answer["until"]) == ("2026-11-20T11:40:00Z", "2026-11-20T12:10:00Z")
    assert len(answer["changes"]) == 2
    answer = told(store, routes_data.changes, f"since=-30m&until=2026-11-20T12:10:00Z&accounts={OTHER}")
    assert len(answer["changes"]) == 1


def test_the_day_that_was_not_over_when_costs_were_read_is_said_to_be_open(store: Store) -> None:
    assert told(store, routes_meaning.costs)["open_from"] == "2026-11-20"
    assert told(store, routes_meaning.home)["cost"]["yesterday"] == 11.0


def test_coverage_calls_unobserved_what_tables_call_unobserved(store: Store) -> None:
    rows = told(store, routes_data.coverage, "at=2026-11-01T00:00:00Z")["rows"]
    assert {row["state"] for row in rows} == {"unobserved"}
    assert {row["problem"] for row in rows} == {"not observed before this instant"}


def test_home_names_what_could_not_be_kept_unless_the_whole_store_keeps_nothing(store: Store) -> None:
    why = "not kept since 2026-11-20T12:{}:00Z: a page of the file is bad."
    places = {(account, HERE, "ec2.volume"): why.format(account[:2]) for account in (ACCOUNT, OTHER)}
    places[ACCOUNT, "global", "cost.daily"] = why.format(33)
    seen = [told(store, routes_meaning.home, amiss=Amiss(places=places), problem=problem) for problem in ("", "full")]
    [together], kept_nothing = [[item for item in home["attention"] if "error" in item["title"]] for home in seen]
    assert together["title"] == "2 kinds: error" and "3 places" in together["detail"], "one cause, one line"
    assert "not kept since 2026-11-20T12:11:00Z: a page" in together["detail"]
    assert kept_nothing == []
    assert [item["detail"] for item in seen[1]["attention"] if "not kept" in item["title"]] == ["full"]
    rows = told(store, routes_data.coverage, amiss=Amiss(places=places))["rows"]
    assert {(row["account"], row["region"], row["kind"]) for row in rows if row["state"] == "error"} == places.keys()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("at=%2B2h", "still to come"),
        ("at=9999-01-01", "still to come"),
        ("accounts=1", f"There is no account 1 in the scope of these credentials; there are .*{ACCOUNT}"),
        ("regions=xx-1", f"There is no region xx-1 .*; there are {HERE}, {THERE}"),
    ],
)
def test_an_instant_or_a_place_that_cannot_be_looked_at_is_refused(store: Store, query: str, sentence: str) -> None:
    for route in (routes_data.coverage, routes_meaning.home):
        with pytest.raises((ValueError, Refusal), match=sentence):
            told(store, route, query)


def test_an_account_may_be_named_by_its_alias_and_its_profile(store: Store) -> None:
    by_number, *others = (
        told(store, routes_data.coverage, f"accounts={word}&at=2026-11-20T12:10:00Z")["rows"]
        for word in (ACCOUNT, "production", "prod")
    )
    assert by_number and others == [by_number, by_number]


def test_an_account_whose_credentials_have_ended_may_still_be_named(store: Store) -> None:
    assert told(store, routes_data.coverage, f"accounts={OTHER}&at=2026-11-20T12:10:00Z")["rows"]


def test_changes_may_be_counted_from_the_present_and_never_go_backwards(store: Store) -> None:
    answer = told(store, routes_data.changes, "since=-300d&until=2026-11-20T12:10:00Z&counted_from=2026-11-25")
    assert answer["since"] == "2026-01-29T00:00:00Z"
    with pytest.raises(ValueError, match="from an earlier to a later instant"):
        told(store, routes_data.changes, "since=-5m&until=-10m&counted_from=now")
