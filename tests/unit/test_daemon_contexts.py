"""Contexts: one collector each, accounts as STS names them, refusals in sentences, expiry without forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.aws.tasks import Death
from backends.context import Context
from backends.daemon import contexts as module
from backends.daemon.contexts import Contexts
from backends.daemon.problems import Refusal
from backends.daemon.remembered import Remembered
from backends.model import Account, Json
from backends.reach import Organization, Reach, Role
from backends.store import utcnow

GOOD = Account("111122223333", profile="", regions=("eu-west-1",))
EXPIRED = Account("", profile="", state="expired", problem="The token has expired; log in again.")
NONE = Account("", profile="", state="none", problem="No credentials.")
NOWHERE = Account("", profile="nowhere", state="none", problem="There is no AWS profile named nowhere.")


class FakeCollector:
    """A collector that says what the test wants it to say."""

    def __init__(self, says: list[list[Account]]) -> None:
        self.says = says
        self.alive = True
        self.pid = 1
        self.death: Death | None = None
        self.asked = 0

    async def identify(self) -> list[Account]:
        self.asked += 1
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    async def sweep(self, task: Any) -> AsyncIterator[Any]:
        raise AssertionError("nobody sweeps here")
        yield

    async def call(self, account: str, region: str, service: str, operation: str, parameters: Json) -> Json:
        raise AssertionError("nobody calls here")

    async def close(self) -> None:
        self.alive = False


class World:
    """Contexts over fake collectors; `says` is what each identification answers in turn."""

    def __init__(
        self, *says: list[Account], partition: str = "aws", endpoint: str = "", file: Path | None = None
    ) -> None:
        self.says = list(says)
        self.started: list[FakeCollector] = []
        self.changes = 0
        memory = Remembered(file or Path("/nonexistent/accounts.json"))
        self.contexts = Contexts(partition, endpoint, Path("/dev/null"), self.start, self.changed, memory)

    async def start(self, context: Context, log: Path) -> FakeCollector:
        self.started.append(FakeCollector(self.says))
        return self.started[-1]

    def changed(self) -> None:
        self.changes += 1


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == module.__name__]


async def test_the_same_credentials_share_a_collector_whatever_the_path_is() -> None:
    world = World([GOOD])
    one = await world.contexts.register(Context(environment={"AWS_ACCESS_KEY_ID": "a", "PATH": "/bin"}), True)
    two = await world.contexts.register(Context(environment={"AWS_ACCESS_KEY_ID": "a", "PATH": "/usr/bin"}), True)
    other = await world.contexts.register(Context(environment={"AWS_ACCESS_KEY_ID": "b", "PATH": "/bin"}), True)
    assert one is two
    assert other is not one
    assert len(world.started) == 2
    await world.contexts.close()
    assert not any(collector.alive for collector in world.started)


async def test_a_context_id_tells_nothing_and_differs_between_daemons() -> None:
    context = Context(environment={"AWS_SECRET_ACCESS_KEY": "s"})
    first = await World([GOOD]).contexts.register(context, True)
    second = await World([GOOD]).contexts.register(context, True)
    assert first.id != second.id


async def test_the_scope_is_what_sts_named_and_nothing_else() -> None:
    entry = await World([GOOD]).contexts.register(Context(), True)
    assert entry.scope.pairs == {("111122223333", "eu-west-1"), ("111122223333", "global")}
    assert entry.as_json()["scope"] == [["111122223333", "eu-west-1"]]


async def test_no_credentials_is_refused_and_leaves_nothing_behind() -> None:
    world = World([NONE, NOWHERE])
    with pytest.raises(Refusal) as refused:
        await world.contexts.register(Context(profiles=("prod", "nowhere")), True)
    assert refused.value.status == 401
    assert refused.value.body["message"] == "No credentials. There is no AWS profile named nowhere."
    assert world.contexts.all() == []


async def test_expired_credentials_freeze_the_account_and_a_new_login_recovers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = World([GOOD], [EXPIRED], [GOOD])
    entry = await world.contexts.register(Context(), True)
    entry.suspect, entry.checked = True, entry.checked - module.RECHECK_AFTER_FAILURE_SECONDS - 1
    await world.contexts.housekeeping()
    await world.contexts._identifying[entry.id]
    assert [(a.account, a.state) for a in entry.accounts] == [("111122223333", "expired")]
    assert entry.scope.holds("111122223333", "eu-west-1")
    assert world.contexts.serving("111122223333") is None
    assert world.contexts.withheld() == {"111122223333": f"not polled: {EXPIRED.problem}"}
    assert (await world.contexts.register(Context(), True)) is entry
    assert world.contexts.withheld() == {}
    assert world.contexts.serving("111122223333") is entry
    assert len(world.started) == 2, "a login is read by a collector that was started after it"
    assert world.changes == 3
    lost, back = told(caplog)
    assert "111122223333" in lost and "expired; it is not polled" in lost and EXPIRED.problem in lost
    assert "111122223333" in back and "work again" in back


async def test_a_known_context_is_answered_without_asking_again() -> None:
    world = World([GOOD])
    await world.contexts.register(Context(), True)
    await world.contexts.register(Context(), True)
    assert world.started[0].asked == 1


async def test_a_context_that_nobody_uses_is_let_go_and_has_to_register_again() -> None:
    world = World([GOOD])
    entry = await world.contexts.register(Context(), True)
    entry.used -= module.IDLE_SECONDS + 1
    entry.in_use = 1
    await world.contexts.housekeeping()
    assert world.contexts.get(entry.id) is entry
    entry.used, entry.in_use = entry.used - 2 * module.IDLE_SECONDS, 0
    await world.contexts.housekeeping()
    with pytest.raises(Refusal) as refused:
        world.contexts.get(entry.id)
    assert (refused.value.status, refused.value.body["error"]) == (410, "unknown-context")
    assert not world.started[0].alive


async def test_a_dead_collector_is_replaced_before_the_next_sweep_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World([GOOD])
    entry = await world.contexts.register(Context(), True)
    world.started[0].alive, world.started[0].death = False, Death(utcnow(), "by signal 9")
    assert world.contexts.serving("111122223333") is None
    assert world.contexts.reviving("111122223333")
    await world.contexts._identifying[entry.id]
    assert world.contexts.serving("111122223333") is entry
    assert not world.contexts.reviving("999999999999")
    assert told(caplog) == ["Collector 1 takes the place of one that ended."]


async def test_a_collector_that_died_is_told_of_with_how_and_how_often_even_once_its_context_is_let_go() -> None:
    world = World([GOOD])
    entry = await world.contexts.register(Context(), True)
    ages = (timedelta(hours=2), timedelta(minutes=2), timedelta())
    for pid, age in enumerate(ages, 11):
        fallen = world.started[-1]
        fallen.alive, fallen.pid, fallen.death = False, pid, Death(utcnow() - age, "by signal 9")
        [told] = world.contexts.deaths()
        assert (told["pid"], told["replaced_by"]) == (pid, None)
        assert world.contexts.reviving("111122223333")
        await world.contexts._identifying[entry.id]
    [told] = world.contexts.deaths()
    assert (told["accounts"], told["how"], told["replaced_by"]) == (["111122223333"], "by signal 9", 1)
    assert told["last_hour"] == 2
    await world.contexts.register(Context(), True)
    entry.used -= module.IDLE_SECONDS + 1
    await world.contexts.housekeeping()
    assert world.contexts.all() == [] and world.contexts.deaths() == [told], "one that is closed has not died"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("aws", ""), Context(partition="aws-cn")),
        (("aws", ""), Context(endpoint="http://127.0.0.1:1")),
        (("aws", "http://127.0.0.1:1"), Context(endpoint="http://127.0.0.1:2")),
        (("aws", "http://127.0.0.1:1"), Context()),
        (("aws", "http://127.0.0.1:1"), Context(endpoint="http://127.0.0.1:1", partition="aws-cn")),
    ],
)
async def test_another_partition_or_endpoint_is_refused(ours: tuple[str, str], theirs: Context) -> None:
    world = World([GOOD], partition=ours[0], endpoint=ours[1])
    with pytest.raises(Refusal) as refused:
        await world.contexts.register(theirs, True)
    assert (refused.value.status, refused.value.body["error"]) == (409, "other-endpoint")
    assert world.started == []


async def test_a_spelling_of_the_endpoint_is_not_another_endpoint() -> None:
    world = World([GOOD], endpoint="http://127.0.0.1:4566")
    assert await world.contexts.register(Context(endpoint="HTTP://127.0.0.1:4566/"), True)


async def test_a_daemon_remembers_whose_context_it_was_until_its_files_change(tmp_path: Path) -> None:
    file, config = tmp_path / "accounts.json", tmp_path / "config"
    config.write_text("[default]")
    secret = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "CANARY-secret", "AWS_CONFIG_FILE": str(config)}
    context = Context(environment=secret)
    await World([GOOD], file=file).contexts.register(context, True)
    assert "CANARY" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    later = await World([EXPIRED], file=file).contexts.register(context, True)
    assert [(a.account, a.state) for a in later.accounts] == [("111122223333", "expired")]
    assert later.scope.holds("111122223333", "eu-west-1")
    other = Context(environment=secret | {"AWS_ACCESS_KEY_ID": "AKIA2"})
    assert not (await World([EXPIRED], file=file).contexts.register(other, True)).scope.pairs
    config.write_text("[default]\nrole_arn = another")
    assert not (await World([EXPIRED], file=file).contexts.register(context, True)).scope.pairs


ROLE = "arn:aws:iam::444455556666:role/Reader"
MEMBER = Account("444455556666", regions=("eu-west-1",), role=ROLE)
DENIED = Account("", state="denied", problem="denied(sts:AssumeRole)", role=ROLE)


async def test_an_account_that_refuses_us_beside_one_that_works_disturbs_nobody() -> None:
    world = World([GOOD, DENIED])
    entry = await world.contexts.register(Context(), True)
    assert await world.contexts.register(Context(), True) is entry
    assert (len(world.started), world.started[0].asked) == (1, 1), "no login would mend it"
    assert entry.scope.pairs == {("111122223333", "eu-west-1"), ("111122223333", "global")}


async def test_a_member_that_refuses_us_after_a_while_keeps_what_was_known() -> None:
    world = World([GOOD, MEMBER], [GOOD, DENIED])
    entry = await world.contexts.register(Context(), True)
    entry.checked -= module.RECHECK_SECONDS + 1
    await world.contexts.housekeeping()
    await world.contexts._identifying[entry.id]
    assert [(a.account, a.state) for a in entry.accounts] == [("111122223333", "ok"), ("444455556666", "denied")]
    assert world.contexts.serving("444455556666") is None


async def test_what_aws_does_not_tell_once_is_as_it_told_before_and_is_asked_again_soon(tmp_path: Path) -> None:
    whole = replace(GOOD, alias="prod", regions=("eu-west-1", "us-east-1"))
    guess = replace(GOOD, problem="Its regions are not known now: throttled.", unheard=("regions", "alias"))
    fewer = replace(whole, regions=("us-east-1",))
    world = World([whole], [guess], [guess], [fewer], file=tmp_path / "accounts.json")
    entry = await world.contexts.register(Context(), True)
    dues = [entry.due]
    for _ in range(2):
        await world.contexts._identify(entry, fresh=False)
        (account,) = entry.accounts
        assert account == replace(whole, problem=guess.problem)
        dues.append(entry.due)
    assert dues == [900, 60, 120]
    assert [a.regions for a in Remembered(tmp_path / "accounts.json").recall(Context())] == [whole.regions]
    await world.contexts._identify(entry, fresh=False)
    assert entry.accounts == (fewer,) and entry.due == 900


async def test_regions_that_were_never_told_are_the_guess_until_they_are() -> None:
    guess = replace(GOOD, unheard=("regions",))
    world = World([guess], [replace(guess, regions=("eu-west-2",))], [GOOD])
    entry = await world.contexts.register(Context(), True)
    for regions in (("eu-west-2",), ("eu-west-1",)):
        await world.contexts._identify(entry, fresh=False)
        assert entry.accounts[0].regions == regions


async def test_members_of_an_organization_that_cannot_be_listed_now_stay_frozen() -> None:
    unlisted = Account("", state="error", problem="cannot be listed", role="arn:aws:iam::*:role/Reader")
    world = World([GOOD, MEMBER], [GOOD, unlisted])
    entry = await world.contexts.register(Context(), True)
    await world.contexts._identify(entry, fresh=False)
    assert [(a.account, a.state) for a in entry.accounts] == [
        ("111122223333", "ok"),
        ("", "error"),
        ("444455556666", "error"),
    ]


async def test_members_that_an_organization_does_not_have_any_more_are_let_go_of_though_a_unit_is_misspelt() -> None:
    lacking = Account("", problem="no unit '/X'", role="arn:aws:iam::*:role/Reader")
    world = World([GOOD, MEMBER], [GOOD, lacking])
    entry = await world.contexts.register(Context(), True)
    await world.contexts._identify(entry, fresh=False)
    assert entry.accounts == (GOOD, lacking)
    assert entry.settled


async def test_of_two_ways_into_an_account_the_one_that_works_serves_it() -> None:
    expired = Account("444455556666", profile="old", state="expired")
    entry = await World([expired, MEMBER]).contexts.register(Context(), True)
    assert entry.holds("444455556666") is MEMBER


async def test_what_is_configured_is_part_of_a_contexts_identity_and_external_ids_are_not_remembered(
    tmp_path: Path,
) -> None:
    file = tmp_path / "accounts.json"
    world = World([GOOD], file=file)
    reaches = (
        Reach(),
        Reach((Role(ROLE),)),
        Reach((Role(ROLE, external_id="CANARY-1"),)),
        Reach((), Organization("Reader", external_id="CANARY-2")),
        Reach(share=0.25),
    )
    entries = [await world.contexts.register(Context(reach=reach), True) for reach in reaches]
    assert len({entry.id for entry in entries}) == len(world.started) == len(reaches)
    assert "CANARY" not in file.read_text()
    later = World([EXPIRED], file=file)
    assert (await later.contexts.register(Context(reach=reaches[2]), True)).scope.pairs
    assert not (await later.contexts.register(Context(reach=Reach((Role(ROLE + "2"),))), True)).scope.pairs


async def test_an_account_is_polled_for_whoever_looks_on_after_another_pane_has_closed() -> None:
    world = World([GOOD])
    looks_on = await world.contexts.register(Context(environment={"AWS_ACCESS_KEY_ID": "a"}), True)
    closed = await world.contexts.register(Context(environment={"AWS_ACCESS_KEY_ID": "b"}), True)
    looks_on.in_use, looks_on.used, closed.used = 1, looks_on.used - 400, closed.used - 300
    assert looks_on.active and not closed.active
    assert world.contexts.serving("111122223333") is looks_on
    looks_on.in_use = 0
    assert world.contexts.serving("111122223333") is closed


async def test_a_collector_that_starts_for_credentials_let_go_of_meanwhile_is_ended() -> None:
    world, starting, go = World([GOOD]), asyncio.Event(), asyncio.Event()
    start = world.contexts._start

    async def slowly(context: Context, log: Path) -> Any:
        starting.set()
        await go.wait()
        return await start(context, log)

    world.contexts._start = slowly
    entry = await world.contexts.register(Context(), False)
    async with asyncio.timeout(120):
        await starting.wait()
        entry.used -= module.IDLE_SECONDS + 1
        await world.contexts.housekeeping()
        assert world.contexts.all() == []
        go.set()
        await world.contexts._identifying[entry.id]
    assert [collector.alive for collector in world.started] == [False]
