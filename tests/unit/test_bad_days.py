"""Bad days: whatever the network or AWS does, nothing is lost, nothing is invented, one sentence says what it is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest
import pytest_asyncio

from backends.aws import paging, requests
from backends.aws.identity import identify
from backends.aws.logins import Login
from backends.model import Coverage, CoverageState, Ref
from tests.unit.bad_endpoint import ACCOUNT, HASTY, LESS_HASTY, REGION, Answer, Said, World, bad_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

VOLUME, GROUP, CLUSTER, QUOTA = "ec2.volume", "autoscaling.group", "eks.cluster", "servicequotas.quota"
ALL = (VOLUME, GROUP, CLUSTER, QUOTA)
PRICE = "spot.price"
S = CoverageState


def volumes(*ids: str, token: str = "", tag: str = "", state: str = "available") -> bytes:
    tags = f"<tagSet><item><key>Name</key><value>{tag}</value></item></tagSet>" if tag else ""
    items = "".join(
        f"<item><volumeId>{id_}</volumeId><size>8</size><status>{state}</status>{tags}</item>" for id_ in ids
    )
    more = f"<nextToken>{token}</nextToken>" if token else ""
    return _ec2("DescribeVolumes", f"<volumeSet>{items}</volumeSet>{more}")


def _ec2(operation: str, inside: str) -> bytes:
    spoken = "http://ec2.amazonaws.com/doc/2016-11-15/"
    return f'<{operation}Response xmlns="{spoken}"><requestId>r</requestId>{inside}</{operation}Response>'.encode()


def groups(*names: str) -> bytes:
    members = "".join(f"<member><AutoScalingGroupName>{name}</AutoScalingGroupName></member>" for name in names)
    inside = f"<AutoScalingGroups>{members}</AutoScalingGroups>"
    return (
        '<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
        f"<DescribeAutoScalingGroupsResult>{inside}</DescribeAutoScalingGroupsResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeAutoScalingGroupsResponse>"
    ).encode()


def quotas(*codes: str) -> bytes:
    found = [{"QuotaCode": code, "QuotaName": "Running On-Demand A instances", "Value": 5.0} for code in codes]
    return json.dumps({"Quotas": found}).encode()


def a_good_day(operation: str, query: dict[str, str], before: int) -> Said:
    """Two of each kind."""
    if operation == "DescribeVolumes":
        return Said(volumes("vol-1", "vol-2"))
    if operation == "DescribeAutoScalingGroups":
        return Said(groups("a", "b"))
    if operation == "ListServiceQuotas":
        return Said(quotas("L-1", "L-2"))
    if operation.startswith("/clusters/"):
        return Said(json.dumps({"cluster": {"name": operation.rpartition("/")[2], "status": "ACTIVE"}}).encode())
    assert operation.startswith("/clusters"), operation
    return Said(json.dumps({"clusters": ["one", "two"]}).encode())


KNOWN = {VOLUME: ["vol-1", "vol-2"], GROUP: ["a", "b"], CLUSTER: ["one", "two"], QUOTA: ["L-1", "L-2"]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        async with bad_world(tmp_path_factory.mktemp("days"), patch, (*ALL, PRICE)) as made:
            yield made


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared: World) -> AsyncIterator[World]:
    """A world whose kinds were read on a good day; after the bad one they are read again, and nothing was restarted."""
    shared.endpoint.answer = a_good_day
    for kind in shared.swept or set(ALL):
        assert (await shared.sweep(kind)).state is S.OK
        assert shared.table(kind) == KNOWN[kind]
    shared.swept.clear()
    shared.endpoint.asked.clear()
    yield shared


def always(said: Said) -> Answer:
    return lambda operation, query, before: said


def json_error(code: str, status: int = 400, **headers: str) -> Said:
    return Said(json.dumps({"__type": code, "message": "no"}).encode(), status, {"x-amzn-ErrorType": code} | headers)


def ec2_error(code: str, status: int = 400, message: str = "no", **headers: str) -> Said:
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
    return Said(body.encode(), status, headers)


PAGE = b"<html><head><title>Sign in to the corporate network</title></head><body><p>CANARY</p></body></html>"
JUNK: dict[str, dict[str, Said]] = {
    "a page in HTML": {kind: Said(PAGE) for kind in ALL},
    "a page in HTML as an error": {kind: Said(PAGE, 502) for kind in ALL},
    "a page that is no XML": {kind: Said(b"<html><br><p>CANARY & more") for kind in ALL},
    "half an answer": {
        VOLUME: Said(volumes("vol-1", "vol-2")[:-40]),
        GROUP: Said(groups("a", "b")[:-60]),
        CLUSTER: Said(b'{"clusters": ["one", '),
        QUOTA: Said(quotas("L-1", "L-2")[:-10]),
    },
    "less than was promised": {
        VOLUME: Said(volumes("vol-1", "vol-2"), cut=100),
        GROUP: Said(groups("a", "b"), cut=100),
        CLUSTER: Said(b'{"clusters": ["one", "two"]}', cut=10),
        QUOTA: Said(quotas("L-1", "L-2"), cut=10),
    },
    "somebody else's answer": {
        VOLUME: Said(b"<status>ok</status>"),
        GROUP: Said(volumes("vol-1")),
        CLUSTER: Said(b'{"status": "ok"}'),
        QUOTA: Said(b'{"status": "ok"}'),
    },
    "another type where the list should be": {
        VOLUME: Said(_ec2("DescribeVolumes", "<volumeSet>none</volumeSet>")),
        GROUP: Said(
            groups().replace(b"<AutoScalingGroups></AutoScalingGroups>", b"<AutoScalingGroups>7</AutoScalingGroups>")
        ),
        CLUSTER: Said(b'{"clusters": "none"}'),
        QUOTA: Said(b'{"Quotas": {"L-1": 5}}'),
    },
    "no object at all": {
        VOLUME: Said(b"null"),
        GROUP: Said(b"7"),
        CLUSTER: Said(b'["one"]'),
        QUOTA: Said(b'"none"'),
    },
    "elements without an identity": {
        VOLUME: Said(_ec2("DescribeVolumes", "<volumeSet><item><size>8</size></item></volumeSet>")),
        GROUP: Said(groups("")),
        CLUSTER: Said(b'{"clusters": [""]}'),
        QUOTA: Said(b'{"Quotas": [{"QuotaName": "Running On-Demand A instances"}]}'),
    },
    "no answer": {kind: Said(hang=True) for kind in ALL},
    "a broken connection": {kind: Said(reset=True) for kind in ALL},
}


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("day", JUNK)
async def test_what_is_not_aws_answer_takes_nothing_away_and_adds_nothing(world: World, day: str, kind: str) -> None:
    said = JUNK[day][kind]
    world.endpoint.answer = always(said)
    coverage = await world.sweep(kind, patience=HASTY if said.hang else None)
    assert coverage.state is S.ERROR, coverage
    assert world.table(kind) == KNOWN[kind]
    assert "CANARY" not in one_sentence(coverage)
    assert "object has no attribute" not in coverage.problem
    assert world.read(kind)["coverage"]["problems"] == [f"111122223333/eu-west-1: {coverage.problem}"]
    assert coverage.calls <= requests.ATTEMPTS + 1


def one_sentence(coverage: Coverage) -> str:
    assert coverage.problem.endswith("."), coverage
    assert ". " not in coverage.problem, coverage
    return coverage.problem


@pytest.mark.parametrize(
    ("refusal", "state", "says"),
    [
        (ec2_error("UnauthorizedOperation", 403), S.DENIED, "denied(ec2:DescribeVolumes)"),
        (ec2_error("RequestLimitExceeded", 503), S.THROTTLED, "AWS throttles ec2:DescribeVolumes"),
        (ec2_error("OptInRequired", 401), S.DISABLED, "not enabled"),
        (ec2_error("InvalidAction"), S.UNSUPPORTED, "not served here"),
        (ec2_error("RequestExpired"), S.ERROR, "credentials have expired"),
        (ec2_error("AuthFailure", 401), S.ERROR, "does not accept these credentials"),
        (ec2_error("InternalError", 500), S.ERROR, "failed with InternalError"),
        (ec2_error("Newfangled", 400, "x\n\u202e" + "y" * 5000), S.ERROR, "failed with Newfangled"),
    ],
)
async def test_a_refusal_is_one_sentence_and_what_was_known_stays(
    world: World, refusal: Said, state: CoverageState, says: str
) -> None:
    world.endpoint.answer = always(refusal)
    coverage = await world.sweep(VOLUME)
    assert coverage.state is state
    assert says in one_sentence(coverage).replace("log in again, for example", "")
    assert len(coverage.problem) < 500
    assert coverage.problem.isprintable()
    assert world.table(VOLUME) == KNOWN[VOLUME]
    assert world.read(VOLUME)["coverage"]["states"] == {state.value: 1}


async def test_a_region_that_was_never_enabled_is_disabled_and_not_a_matter_of_credentials(world: World) -> None:
    world.endpoint.answer = always(ec2_error("AuthFailure", 401))
    coverage = await world.sweep(VOLUME, region_known=False)
    assert (coverage.state, coverage.calls) == (S.DISABLED, 1)


async def test_credentials_that_expire_between_two_pages_leave_the_first_in_sight_and_close_nothing(
    world: World,
) -> None:
    def answer(operation: str, query: dict[str, str], before: int) -> Said:
        if "NextToken" in query:
            return ec2_error("RequestExpired")
        return Said(volumes("vol-1", "vol-9", token="more"))

    world.endpoint.answer = answer
    coverage = await world.sweep(VOLUME)
    assert coverage.state is S.ERROR
    assert "log in again" in one_sentence(coverage)
    assert world.table(VOLUME) == ["vol-1", "vol-2", "vol-9"], "what was not seen is not gone"
    found = world.read(VOLUME)
    assert found["partial"] is True
    assert found["coverage"]["newest_good"], "and says how old it is"


async def test_a_clock_that_is_wrong_is_named_with_how_wrong_it_is(world: World) -> None:
    late = formatdate(time.time() - 1500, usegmt=True)
    world.endpoint.answer = always(ec2_error("AuthFailure", 401, Date=late))
    assert "This machine's clock is 25 minutes ahead of that of AWS" in one_sentence(await world.sweep(VOLUME))
    early = formatdate(time.time() + 1500, usegmt=True)
    world.endpoint.answer = always(json_error("InvalidSignatureException", Date=early))
    assert "This machine's clock is 25 minutes behind that of AWS" in one_sentence(await world.sweep(QUOTA))
    body = b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error></ErrorResponse>"
    world.endpoint.answer = always(Said(body, 403, {"Date": early}))
    account = await identify(world.sessions, world.requester, Login())
    assert (account.state, account.account) == ("error", "")
    assert "This machine's clock is 25 minutes behind" in account.problem


async def test_an_answer_that_never_ends_under_new_tokens_is_broken_off(world: World) -> None:
    world.endpoint.answer = lambda operation, query, before: Said(volumes("vol-1", "vol-2", token=f"t{before}"))
    coverage = await world.sweep(VOLUME)
    assert one_sentence(coverage) == (
        "ec2:DescribeVolumes does not end: 20 pages with the same elements came one after another."
    )
    assert coverage.calls == 20


async def test_pages_with_nothing_on_them_may_come_for_a_while_but_not_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_EMPTY_PAGES", 60)

    def answer(operation: str, query: dict[str, str], before: int) -> Said:
        if before == 50:
            return Said(volumes("vol-1", "vol-2"))
        return Said(volumes(token=f"t{before}"))

    world.endpoint.answer = answer
    assert (await world.sweep(VOLUME)).state is S.OK
    coverage = await world.sweep(VOLUME)
    assert one_sentence(coverage).endswith("60 pages with nothing on them came one after another.")
    assert coverage.state is S.ERROR


async def test_pages_that_are_ever_new_are_broken_off_after_very_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_PAGES", 30)
    world.endpoint.answer = lambda operation, query, before: Said(
        volumes("vol-1", f"vol-n{before}", token=f"t{before}")
    )
    coverage = await world.sweep(VOLUME)
    assert one_sentence(coverage) == "ec2:DescribeVolumes does not end: it goes on after 30 pages."
    assert set(KNOWN[VOLUME]) < set(world.table(VOLUME))


async def test_a_token_that_comes_again_is_broken_off(world: World) -> None:
    world.endpoint.answer = lambda operation, query, before: Said(volumes(f"vol-{before + 1}", token="again"))
    coverage = await world.sweep(VOLUME)
    assert one_sentence(coverage) == "ec2:DescribeVolumes does not end: after 2 pages its token leads back."
    assert set(world.table(VOLUME)) >= set(KNOWN[VOLUME])


async def test_what_is_long_or_new_to_us_is_kept_as_aws_says_it(world: World) -> None:
    tag = "x" * 9_990 + "&lt;end&gt;\u202e"
    world.endpoint.answer = always(Said(volumes("vol-1", "vol-2", tag=tag, state="teleporting")))
    coverage = await world.sweep(VOLUME)
    assert (coverage.state, coverage.problem) == (S.OK, "")
    assert world.table(VOLUME, "state") == ["teleporting"] * 2
    assert set(world.table(VOLUME, "name")) == {"x" * 9_990 + "<end>\u202e"}
    raw = world.store.raw(Ref(VOLUME, ACCOUNT, REGION, "vol-1"))
    assert raw is not None
    assert json.loads(raw)["Tags"][0]["Value"].endswith("<end>\u202e")


async def test_one_value_of_another_type_is_empty_and_told_and_the_rest_is_read(world: World) -> None:
    body = volumes("vol-1", "vol-2").replace(b"<size>8</size>", b"<size>many</size>", 1)
    world.endpoint.answer = always(Said(body))
    coverage = await world.sweep(VOLUME)
    assert coverage.state is S.OK
    assert "1 values were not of the declared type and are empty: size (1)" in one_sentence(coverage)
    assert sorted(world.table(VOLUME, "size"), key=str) == [8, None]


async def test_denied_in_one_action_denies_that_kind_alone(world: World) -> None:
    def answer(operation: str, query: dict[str, str], before: int) -> Said:
        return (
            json_error("AccessDeniedException", 403)
            if operation.startswith("/clusters/")
            else a_good_day(operation, query, before)
        )

    world.endpoint.answer = answer
    states = {kind: (await world.sweep(kind)).state for kind in ALL}
    assert states == {VOLUME: S.OK, GROUP: S.OK, CLUSTER: S.DENIED, QUOTA: S.OK}
    assert world.table(CLUSTER) == KNOWN[CLUSTER]


@pytest.mark.parametrize(
    "said", [Said(reset=True), Said(hang=True), Said(PAGE, 503), Said(PAGE), ec2_error("Unavailable", 503)]
)
async def test_a_moment_of_trouble_is_got_over_within_the_sweep(world: World, said: Said) -> None:
    world.endpoint.answer = lambda operation, query, before: (
        said if before < 2 else a_good_day(operation, query, before)
    )
    coverage = await world.sweep(VOLUME, patience=LESS_HASTY if said.hang else None)
    assert (coverage.state, coverage.retries, coverage.problem) == (S.OK, 2, "")
    assert world.table(VOLUME) == KNOWN[VOLUME]


@pytest.mark.parametrize(
    "said",
    [Said(reset=True), Said(volumes("vol-3"), cut=90), Said(PAGE, 503), Said(PAGE), ec2_error("Unavailable", 503)],
)
async def test_a_moment_of_trouble_amid_following_pages_is_got_over_too(world: World, said: Said) -> None:
    def answer(operation: str, query: dict[str, str], before: int) -> Said:
        page = int(query.get("NextToken", "0"))
        return said if before == 4 else Said(volumes(f"vol-{page + 1}", token=str(page + 1) if page < 7 else ""))

    world.endpoint.answer = answer
    coverage = await world.sweep(VOLUME)
    assert (coverage.state, coverage.calls, coverage.retries) == (S.OK, 9, 1)
    assert world.table(VOLUME) == [f"vol-{number}" for number in range(1, 9)]


async def test_the_prices_of_pages_before_a_refusal_are_kept(world: World) -> None:
    def answer(operation: str, query: dict[str, str], before: int) -> Said:
        if operation == "DescribeAvailabilityZones":
            zone = "<item><zoneName>eu-west-1a</zoneName><zoneId>euw1-az1</zoneId></item>"
            return Said(_ec2(operation, f"<availabilityZoneInfo>{zone}</availabilityZoneInfo>"))
        page = int(query.get("NextToken", "0"))
        if page == 4:
            return ec2_error("RequestExpired")
        point = (
            "<instanceType>m5.large</instanceType><productDescription>Linux/UNIX</productDescription>"
            f"<spotPrice>0.{page + 1}</spotPrice><timestamp>2026-11-20T0{page}:00:00.000Z</timestamp>"
            "<availabilityZone>eu-west-1a</availabilityZone>"
        )
        listed = f"<spotPriceHistorySet><item>{point}</item></spotPriceHistorySet>"
        return Said(_ec2(operation, f"{listed}<nextToken>{page + 1}</nextToken>"))

    world.endpoint.answer = answer
    coverage = await world.sweep(PRICE)
    world.swept.discard(PRICE)
    assert coverage.state is S.ERROR and "log in again" in one_sentence(coverage)
    kept = json.loads(world.store.sql("SELECT price FROM series.spot_price ORDER BY changed"))["rows"]
    assert kept == [[0.1], [0.2], [0.3], [0.4]]
