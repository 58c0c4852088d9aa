"""What is asked of AWS and what it costs: counted, kept over a restart, held to a budget, and told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cli_samples import HOSTILE, Connected, costs, operation
from click.testing import CliRunner

from backends.aws import paid_calls
from backends.aws.kinds import KINDS
from backends.aws.tasks import SweepEnd, SweepTask
from backends.daemon import ledger as ledger_module
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.polling import Polling
from backends.daemon.triples import Triple
from backends.launch import DaemonSpec
from backends.model import GLOBAL_REGION, Coverage, CoverageState, Json, Scope
from backends.store import Store, StoreFull
from console.cli_commands import daemon as commands
from console.cli_commands import spending
from console.screens.coverage import status_lines
from console.settings import SettingsError, daily_budget
from tests.unit.aws_fakes import ACCOUNT, FakeClient, refused, swept
from tests.unit.store_world import open_store
from tests.unit.test_console_settings import choose

OTHER = "444455556666"
DAILY = next(kind for kind in KINDS if kind.name == "cost.daily")
PAID = [kind for kind in KINDS if kind.paid]


class Clock:
    """A day's clock that the tests set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
async def lanes(tmp_path: Path) -> AsyncIterator[Lanes]:
    lanes = await Lanes.open(lambda: open_store(tmp_path))
    yield lanes
    await lanes.close()


def asked(operation: str = "GetCostAndUsage", service: str = "ce", cost: float = 0.01, **figures: int) -> Json:
    counts = {"calls": 1, "retries": 0, "errors": 0, "throttled": 0, "rows": 10, "seconds": 0.5} | figures
    return {"service": service, "operation": operation, "cost": cost, **counts}


async def test_operations_are_summed_for_each_account_and_for_all(lanes: Lanes) -> None:
    ledger = Ledger(lanes)
    ledger.add(ACCOUNT, [asked(), asked("DescribeVolumes", "ec2", 0.0, throttled=2, retries=2)])
    ledger.add(ACCOUNT, [asked(errors=1)])
    ledger.add(OTHER, [asked(rows=5)])
    rows = {(row["account"], row["operation"]): row for row in ledger.operations()}
    assert rows[ACCOUNT, "GetCostAndUsage"]["cost"] == 0.02 and rows[ACCOUNT, "GetCostAndUsage"]["errors"] == 1
    whole = {row["operation"]: row for row in ledger.summed()}
    assert (whole["GetCostAndUsage"]["calls"], whole["GetCostAndUsage"]["rows"]) == (3, 25)
    assert (whole["DescribeVolumes"]["throttled"], whole["DescribeVolumes"]["retries"]) == (2, 2)
    await ledger.close()


async def test_money_of_today_and_this_month_survives_a_restart(lanes: Lanes) -> None:
    clock = Clock()
    first = Ledger(lanes, now=clock)
    clock.at -= timedelta(days=2)
    first.add(ACCOUNT, [asked(cost=0.25)])
    clock.at += timedelta(days=2)
    first.add(ACCOUNT, [asked(cost=0.5)])
    first.add(ACCOUNT, [asked(cost=0.5)])
    await first.close()
    again = Ledger(lanes, now=clock)
    await again.load()
    assert again.costs()["spent"] == [{"account": ACCOUNT, "today": 1.0, "month": 1.25}]
    assert again.operations() == [], "operations are counted since the daemon began"
    days = await lanes.read(lambda reader: reader.spent(date(2026, 11, 1)))
    assert [(row["day"], row["calls"], row["cost"]) for row in days] == [
        (date(2026, 11, 20), 2, 1.0),
        (date(2026, 11, 18), 1, 0.25),
    ]
    clock.at = datetime(2026, 12, 1, tzinfo=UTC)
    assert again.costs()["spent"] == [] and again.today(ACCOUNT) == 0.0


async def test_what_cost_money_is_written_without_waiting(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_FLUSH_SECONDS", 600.0)
    ledger = Ledger(lanes)
    ledger.add(ACCOUNT, [asked("DescribeVolumes", "ec2", 0.0)])
    ledger.add(ACCOUNT, [asked()])
    async with asyncio.timeout(120):
        while not (rows := await lanes.read(lambda reader: reader.spent(date(2020, 1, 1)))):
            await asyncio.sleep(0.01)
    assert {row["operation"] for row in rows} == {"GetCostAndUsage", "DescribeVolumes"}
    await ledger.close()


async def test_what_could_not_be_written_is_not_lost_though_more_was_spent_meanwhile() -> None:
    begun, fail, kept = asyncio.Event(), asyncio.Event(), []

    async def write(work: Any) -> None:
        if not begun.is_set():
            begun.set()
            await fail.wait()
            raise StoreFull("There is no room.")
        work(SimpleNamespace(add_spent=kept.extend))

    ledger = Ledger(cast(Any, SimpleNamespace(write=write)))
    ledger.add(ACCOUNT, [asked(cost=0.25)])
    async with asyncio.timeout(120):
        await begun.wait()
        ledger.add(ACCOUNT, [asked(cost=0.5)])
        for _ in range(5):
            await asyncio.sleep(0)
        fail.set()
        await ledger.close()
    assert sum(row["cost"] for row in kept) == 0.75


async def test_beyond_the_budget_of_a_day_nothing_that_costs_money_is_asked_and_coverage_says_so(lanes: Lanes) -> None:
    clock = Clock()
    ledger = Ledger(lanes, per_day=0.02, now=clock)
    free = next(kind for kind in KINDS if not kind.paid)
    ledger.add(ACCOUNT, [asked()])
    assert ledger.refusal(DAILY, ACCOUNT, "global") is None and ledger.left(ACCOUNT) == pytest.approx(0.01)
    ledger.add(ACCOUNT, [asked()])
    refusal = ledger.refusal(DAILY, ACCOUNT, "global")
    assert refusal is not None and not refusal.state.good and refusal.calls == 0
    assert refusal.problem.startswith(f"Not polled: 0.02 of today's 0.02 USD for account {ACCOUNT} are spent")
    assert ledger.refusal(free, ACCOUNT, "r") is None and ledger.refusal(DAILY, OTHER, "global") is None
    assert ledger.until_tomorrow() == 3600
    clock.at += timedelta(hours=1)
    assert ledger.refusal(DAILY, ACCOUNT, "global") is None
    await ledger.close()


class Contexts:
    """Nobody's credentials are looked at again because of a budget."""

    def failed(self, entry: Any) -> None:
        raise AssertionError("nothing failed")


async def test_a_poll_that_is_not_sent_is_in_coverage_and_is_due_again_with_the_next_budget(tmp_path: Path) -> None:
    lanes = await Lanes.open(lambda: open_store(tmp_path, [DAILY]))
    clock = Clock()
    ledger = Ledger(lanes, per_day=0.02, now=clock)
    ledger.add(ACCOUNT, [asked(cost=0.02)])
    polling = Polling(lanes, Events(), cast(Any, Contexts()), {DAILY.name: DAILY}, LoopWatch(), print, ledger=ledger)
    triple = Triple(ACCOUNT, GLOBAL_REGION, DAILY)

    def unasked(task: SweepTask) -> Any:
        raise AssertionError("AWS is asked")

    loop = asyncio.get_running_loop()
    before = loop.time()
    await polling._sweep(triple, cast(Any, SimpleNamespace(collector=SimpleNamespace(sweep=unasked))))
    assert triple.due - before > 3600 > triple.due - loop.time() - 100
    scope = Scope.of([(ACCOUNT, GLOBAL_REGION)])
    [row] = json.loads(await lanes.read(lambda reader: reader.coverage(scope)))["rows"]
    assert row["state"] == "disabled" and row["problem"].startswith("Not polled: 0.02 of today's 0.02 USD")
    await ledger.close()
    await lanes.close()


async def test_the_last_of_a_budget_is_spent_by_one_poll_at_a_time(tmp_path: Path) -> None:
    lanes = await Lanes.open(lambda: open_store(tmp_path, [DAILY]))
    began: list[str] = []
    release = asyncio.Event()

    async def sweep(task: SweepTask) -> AsyncIterator[SweepEnd]:
        began.append(task.account)
        await release.wait()
        yield SweepEnd(Coverage(task.account, task.region, task.kind, CoverageState.OK, cost=0.1))

    entry = SimpleNamespace(collector=SimpleNamespace(sweep=sweep), active=True)
    contexts = cast(Any, SimpleNamespace(serving=lambda account: entry, failed=lambda entry: None))
    ledger = Ledger(lanes, per_day=1.0)
    polling = Polling(lanes, Events(), contexts, {DAILY.name: DAILY}, LoopWatch(), print, ledger=ledger)
    ledger.add(ACCOUNT, [asked(cost=0.85)])
    for account, region in ((ACCOUNT, "one"), (ACCOUNT, "two"), (OTHER, "one"), (OTHER, "two")):
        triple = Triple(account, region, DAILY)
        polling._triples[triple.key] = triple
        polling._begin(triple)
    while len(began) < 3:
        await asyncio.sleep(0.01)
    assert sorted(began) == sorted([ACCOUNT, OTHER, OTHER])
    release.set()
    await asyncio.gather(*polling._under_way.values())
    polling._begin(polling._triples[ACCOUNT, "two", DAILY.name])
    await asyncio.gather(*polling._under_way.values())
    assert began.count(ACCOUNT) == 2
    await ledger.close()
    await lanes.close()


async def test_a_sweep_stops_before_the_request_that_would_exceed_what_is_left() -> None:
    def page(parameters: Json) -> Json:
        number = int(parameters.get("NextPageToken", 0))
        group = {"Keys": [f"s{number}"], "Metrics": {"UnblendedCost": {"Amount": "1", "Unit": "USD"}}}
        day = {"TimePeriod": {"Start": "2026-11-20"}, "Estimated": False, "Groups": [group]}
        return {"ResultsByTime": [day], "NextPageToken": str(number + 1)}

    client = FakeClient("ce", {"GetCostAndUsage": page})
    task = SweepTask(ACCOUNT, "global", DAILY.name, budget=0.03)
    coverage, rows = await swept(DAILY, {"ce": client}, task)
    assert (len(client.asked), len(rows), coverage.cost) == (3, 3, 0.03)
    assert coverage.state is CoverageState.DISABLED and "would exceed today's budget" in coverage.problem


async def test_throttled_answers_and_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from backends.aws import requests, sweep

    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)
    tallies: list[Any] = []
    made = sweep.Tally
    monkeypatch.setattr(sweep, "Tally", lambda: tallies.append(made()) or tallies[-1])
    answers = iter([refused("ThrottlingException"), refused("ThrottlingException"), None])

    def volumes(parameters: Json) -> Json:
        if (error := next(answers)) is not None:
            raise error
        return {"Volumes": [{"VolumeId": f"vol-{n}", "Size": 8, "State": "available"} for n in range(4)]}

    kind = next(kind for kind in KINDS if kind.name == "ec2.volume")
    await swept(kind, {"ec2": FakeClient("ec2", {"DescribeVolumes": volumes})})
    [row] = tallies[0].as_json()
    assert (row["calls"], row["retries"], row["errors"], row["throttled"], row["rows"]) == (3, 2, 0, 2, 4)


@pytest.mark.parametrize("kind", PAID, ids=[kind.name for kind in PAID])
def test_what_a_kind_costs_is_on_the_price_list(kind: Any) -> None:
    [price] = {price.source: price for price in paid_calls.charged(kind)}.values()
    units = kind.paid / price.usd
    assert units == pytest.approx(round(units)) and units >= 1, "whole requests, or whole metrics"
    assert price.source.startswith("https://aws.amazon.com/") and price.as_of


def test_calls_that_are_on_the_price_list_belong_to_kinds_that_know_it() -> None:
    for kind in KINDS:
        assert bool(kind.paid) == any(price.paced for price in paid_calls.charged(kind)), kind.name


async def test_what_costs_next_to_nothing_is_counted_and_held_to_no_budget() -> None:
    kind = next(kind for kind in KINDS if kind.name == "secretsmanager.secret")
    client = FakeClient("secretsmanager", {"ListSecrets": lambda _: {"SecretList": []}})
    task = SweepTask(ACCOUNT, "eu-west-1", kind.name, budget=None)
    coverage, _ = await swept(kind, {"secretsmanager": client}, task)
    assert (coverage.state, coverage.cost, kind.paid) == (CoverageState.EMPTY, 0.000005, 0.0)
    assert (spending.usd(coverage.cost), spending.usd(0.0)) == ("<0.0001", "0.00"), "little is not nothing"
    assert paid_calls.counted("ce", "GetCostAndUsage") == paid_calls.counted("ec2", "DescribeInstances") == 0.0
    assert paid_calls.counted("s3", "ListBuckets") > paid_calls.counted("s3", "GetBucketPolicy") > 0.0


def test_the_budget_comes_from_the_configuration_and_reaches_the_daemon() -> None:
    assert daily_budget() is None
    choose("[costs]\nper_day = 0.5\n")
    assert daily_budget() == 0.5
    arguments = DaemonSpec(Path("/nowhere"), budget=0.0).arguments
    assert arguments[arguments.index("--budget") + 1] == "0"
    assert "--budget" not in DaemonSpec(Path("/nowhere")).arguments


@pytest.mark.parametrize(
    "said", ["[costs]\nper_day = -1", '[costs]\nper_day = "2"', "costs = 3", "[costs]\nper_day = true", "["]
)
def test_a_budget_that_is_none_is_refused_in_a_sentence(said: str) -> None:
    file = choose(said)
    with pytest.raises(SettingsError) as problem:
        daily_budget()
    assert str(file) in str(problem.value)


def status_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(commands, "_spec", lambda: None)
    monkeypatch.setattr(commands, "_running", lambda spec: Connected())
    result = CliRunner().invoke(commands.daemon, ["status", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_status_tells_once_what_of_the_accounts_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    told = (
        {"account": "1", "state": "ok", "problem": "Not enabled."},
        {"account": "", "state": "ok", "problem": "No X."},
    )
    fine = {"account": "2", "state": "ok", "problem": ""}
    found = Connected().status() | {"contexts": [{"accounts": [*told, fine]}] * 2}
    monkeypatch.setattr(Connected, "status", lambda self: found)
    lines = [line for line in status_of(monkeypatch).splitlines() if line.startswith("accounts")]
    assert lines == ["accounts    1: Not enabled.", "accounts    No X."]


def test_status_shows_operations_the_budget_and_what_was_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    text = status_of(monkeypatch)
    assert "2.00 USD for each account and day" in text
    assert "111122223333: 0.12 USD today, 1.50 this month" in text
    assert "444455556666: 2.00 USD today, nothing more is asked today that it is kept for" in text
    assert "https://aws.example/pricing as of 2026-11" in text
    [line] = [line for line in text.splitlines() if line.startswith("ce:GetCostAndUsage")]
    assert line.split() == ["ce:GetCostAndUsage", "12", "3", "1", "2", "340", "4.2", "0.12"]


def test_status_tells_in_words_how_polls_go() -> None:
    going = {"in_flight": 8, "done": 85, "total": 490, "errors": 1, "calls": 152, "money": 0.06} | {
        "first_poll_complete": False, "first_poll_ever": True, "paused": False,
    }  # fmt: skip
    assert list(commands._progress(going)) == [
        "first poll: 85 of 490 places, 8 under way",
        "1 place failed when polled last: quarterdeck daemon coverage",
        "152 calls for 0.06 USD since the daemon began",
    ]
    calm = going | {"first_poll_complete": True, "first_poll_ever": False, "errors": 0, "paused": True, "in_flight": 0}
    assert next(commands._progress(calm)) == "paused; all 490 places polled, 0 under way"
    assert len(list(commands._progress(calm))) == 2


def test_status_and_the_pane_tell_of_a_collector_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    died: Json = {"context": "c", "accounts": [ACCOUNT, HOSTILE], "pid": 7, "at": "2026-11-20T12:00:07.125Z"}
    died |= {"how": "by signal 9", "replaced_by": 8, "last_hour": 2}
    monkeypatch.setattr(Connected, "status", lambda self: {"collectors_ended": [died]})
    [line] = [line for line in status_of(monkeypatch).splitlines() if line.startswith("collector ")]
    assert f"of {ACCOUNT}, " in line and "\x1b" not in line
    assert line.endswith("ended by signal 9 at 2026-11-20 12:00:07 UTC, started again, pid 8; 2 times in the last hour")
    shown = ["".join(text for text, _ in line) for line in status_lines({"collectors_ended": [died]}, 160)]
    assert any("ended by signal 9" in text for text in shown)
    narrow = ["".join(text for text, _ in line) for line in status_lines({"version": "0.1.0", "pid": 12345}, 80)]
    assert all(len(line) <= 80 for line in narrow) and "USD spent on calls" in " ".join(narrow), "nothing is cut off"
    long_ago = status_lines({"collectors_ended": [died | {"last_hour": 0}]}, 160)
    assert not any("ended" in text for line in long_ago for text, _ in line)


def test_status_tells_accounts_and_days_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "111122223333  ce:GetCostAndUsage" in status_of(monkeypatch, "--accounts")
    assert "2026-11-20  111122223333  ce:GetCostAndUsage" in status_of(monkeypatch, "--days", "7")
    told = json.loads(status_of(monkeypatch, "--accounts", "--days", "2", "-o", "json"))
    assert told["operations"] == [operation()] and told["costs"] == costs()
    assert told["operations_by_account"][0]["account"] == "111122223333" and told["days"][0]["day"] == "2026-11-20"


def test_hostile_names_in_what_is_told_act_on_no_terminal() -> None:
    told = costs() | {"spent": [{"account": HOSTILE, "today": 0.001, "month": 0.0}]}
    text = "\n".join(spending.lines(told))
    assert "\x1b" not in text and "0.0010 USD today" in text


def test_days_are_let_go_after_their_time(tmp_path: Path) -> None:
    store: Store = open_store(tmp_path)
    row = asked() | {"account": ACCOUNT}
    store.add_spent([row | {"day": date(2025, 1, 1)}, row | {"day": date(2026, 11, 1)}])
    store.prune(datetime(2026, 11, 20))
    assert [row["day"] for row in store.spent(date(2000, 1, 1))] == [date(2026, 11, 1)]
    store.close()
