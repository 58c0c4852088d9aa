"""Many accounts at once: profiles, configured roles and an organization, read by one collector, none mixed up."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from backends.aws import coverage
from backends.aws.asides import Asides
from backends.aws.logins import assumed
from backends.aws.process import Collector, Page, SweepEnd, SweepTask
from backends.aws.requests import Requester
from backends.aws.session import Sessions
from backends.aws.whose import Whose
from backends.context import Context
from backends.model import Account, CoverageState, Json
from backends.reach import Organization, Reach, Role
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.aws_fakes import rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRODUCTION, SANDBOX, DATA, PAYMENTS, EDGE = (
    "111122223333",
    "444455556666",
    "210000000001",
    "210000000002",
    "210000000003",
)
AUDITED, SEALED, CLOSED = "210000000004", "210000000005", "222233334444"
EXTERNAL_ID = "quarterdeck-4711"
REGIONS = ("ap-southeast-2", "eu-west-1", "us-east-1")


def role_of(account: str, external_id: str = "", session_name: str = "quarterdeck") -> Role:
    arn = f"arn:aws:iam::{account}:role/QuarterdeckAccess"
    return Role(arn, external_id, session_name, "simulated-production")


@pytest.fixture(scope="module")
def aws() -> SimulatedAws:
    return shared_simulated()


@pytest.fixture
def faults(aws: SimulatedAws) -> Iterator[SimulatedAws]:
    yield aws
    aws.fault(clear=True)


def context_of(aws: SimulatedAws, reach: Reach, *profiles: str) -> Context:
    return Context(profiles, "us-east-1", aws.endpoint, "aws", aws.environment, reach)


ORGANIZATION = Organization("QuarterdeckAccess", source_profile="simulated-production")
ALL = Reach((role_of(AUDITED, external_id=EXTERNAL_ID),), ORGANIZATION)
COUNTED: list[tuple[str, list[Json]]] = []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many") / "collector.log"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def collector(aws: SimulatedAws, log: Path) -> AsyncIterator[Collector]:
    context = context_of(aws, ALL, *aws.profiles)
    started = await Collector.start(context, log, lambda account, rows: COUNTED.append((account, rows)))
    yield started
    await started.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def accounts(collector: Collector) -> list[Account]:
    return await collector.identify()


async def rows_in(collector: Collector, account: str, region: str, kind: str) -> list[Json]:
    rows: list[Json] = []
    async for part in collector.sweep(SweepTask(account, region, kind)):
        if isinstance(part, Page):
            rows += rows_of(part.arrow)
        elif isinstance(part, SweepEnd):
            assert part.coverage.state is CoverageState.OK, part.coverage
            assert (part.coverage.account, part.coverage.region) == (account, region)
    return rows


async def test_every_account_that_lets_us_in_is_read_and_the_others_say_why_not(accounts: list[Account]) -> None:
    readable = {account.account: account for account in accounts if account.state == "ok"}
    assert set(readable) == {PRODUCTION, SANDBOX, DATA, PAYMENTS, EDGE, AUDITED}
    assert all(account.regions == REGIONS for account in readable.values())
    assert readable[DATA].arn == f"arn:aws:sts::{DATA}:assumed-role/QuarterdeckAccess/quarterdeck"
    assert readable[DATA].alias == "example-data"
    assert readable[DATA].expires == "", "they are had anew, and nobody is asked to log in"
    assert readable[PRODUCTION].role == "", "the management account is read with the profile's own credentials"
    (refused,) = [account for account in accounts if account.state != "ok"]
    assert (refused.state, refused.account, refused.name) == ("denied", "", role_of(SEALED).arn)
    assert "denied(sts:AssumeRole)" in refused.problem
    assert CLOSED not in str(accounts), "a suspended account is none"


async def test_who_the_accounts_are_is_counted_among_what_was_asked_of_aws(accounts: list[Account]) -> None:
    counted = {
        (account, row["service"], row["operation"]): (row["calls"], row["errors"])
        for account, told in COUNTED
        for row in told
    }
    asked = ("sts", "GetCallerIdentity"), ("ec2", "DescribeRegions"), ("iam", "ListAccountAliases")
    for account in (PRODUCTION, SANDBOX, DATA, AUDITED):
        assert {counted[account, *operation] for operation in asked} == {(1, 0)}, account
    assert counted[DATA, "sts", "AssumeRole"] == counted[AUDITED, "sts", "AssumeRole"] == (1, 0)
    assert counted[SEALED, "sts", "AssumeRole"] == (1, 1), "what was refused was asked as well"
    assert counted[PRODUCTION, "organizations", "ListAccounts"] == (1, 0)
    assert (PRODUCTION, "sts", "AssumeRole") not in counted


async def test_six_accounts_in_three_regions_are_read_at_once_and_no_row_is_anothers(
    aws: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    numbers = [account.account for account in accounts if account.state == "ok"]
    places = [(number, region) for number in numbers for region in REGIONS]
    found = await asyncio.gather(
        *(rows_in(collector, number, region, kind) for kind in ("ec2.volume", "vpc.vpc") for number, region in places)
    )
    volumes, vpcs = found[: len(places)], found[len(places) :]
    aliases = {DATA: "data", PAYMENTS: "payments", EDGE: "edge", AUDITED: "audited"}
    for (number, region), rows in zip(places, volumes, strict=True):
        if number in aliases:
            assert [row["name"] for row in rows] == [f"{aliases[number]}-{region}"]
        else:
            profile = "simulated-production" if number == PRODUCTION else "simulated-sandbox"
            read = aws.client("ec2", region=region, profile=profile).describe_volumes()["Volumes"]
            assert {row["id"] for row in rows} == {volume["VolumeId"] for volume in read}
    assert all(row["owner_id"] == place[0] for place, rows in zip(places, vpcs, strict=True) for row in rows)
    ids = [row["id"] for rows in (*volumes, *vpcs) for row in rows]
    assert len(ids) == len(set(ids)) > 2 * len(places)


async def test_an_external_id_is_said_to_aws_and_to_nobody_else(
    aws: SimulatedAws, collector: Collector, accounts: list[Account], log: Path
) -> None:
    context = context_of(aws, ALL)
    assert any(account.account == AUDITED for account in accounts), "it was needed"
    assert EXTERNAL_ID not in repr(context)
    assert EXTERNAL_ID not in log.read_text() + json.dumps([account.as_json() for account in accounts])
    assert EXTERNAL_ID not in Path(f"/proc/{collector.pid}/cmdline").read_text()
    assert EXTERNAL_ID not in Path(f"/proc/{collector.pid}/environ").read_text()
    assert EXTERNAL_ID not in json.dumps(context.reach.told())
    assert Context.from_json(json.loads(json.dumps(context.as_json()))) == context


class Here:
    """A context's logins asked in this process, with the endpoint's credentials in the environment."""

    def __init__(self, context: Context) -> None:
        self.sessions = Sessions(context)
        self.whose = Whose(self.sessions, Requester(custom_endpoint=bool(context.endpoint)))


@pytest_asyncio.fixture(loop_scope="module")
async def here(aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    # The endpoint's clock is held: once others have used it for minutes, refusals would be told as our clock's fault.
    monkeypatch.setattr(coverage, "_SKEW_SECONDS", float("inf"))
    made: list[Here] = []

    def make(reach: Reach, *profiles: str, **context: str) -> Whose:
        said = replace(context_of(aws, reach, *profiles), **context)  # type: ignore[arg-type]
        made.append(Here(said))
        return made[-1].whose

    yield make
    for one in made:
        await one.sessions.close()


def numbers(accounts: list[Account]) -> set[str]:
    return {account.account for account in accounts if account.state == "ok"}


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((DATA, SEALED), (), {PRODUCTION, DATA}),
        (("/Workloads/Live",), (), {PRODUCTION, DATA, PAYMENTS}),
        (("ou-sim1-workload",), (), {PRODUCTION, DATA, PAYMENTS, EDGE, SANDBOX}),
        (("/Workloads",), ("/Workloads/Trial", PAYMENTS), {PRODUCTION, DATA, EDGE}),
        ((), ("/",), {PRODUCTION}),
    ],
)
async def test_accounts_are_chosen_by_number_unit_or_path(
    here: Any, include: tuple[str, ...], exclude: tuple[str, ...], expected: set[str]
) -> None:
    chosen = replace(ORGANIZATION, include=include, exclude=exclude)
    assert numbers(await here(Reach(organization=chosen), "simulated-production").ask()) == expected


@pytest.mark.parametrize(
    ("include", "exclude", "said"),
    [
        (("/Workloads/Live", "/Workloads/Prodution"), (), "'/Workloads/Prodution' (include)"),
        ((DATA,), ("ou-sim1-nothing", "999999999999"), "'ou-sim1-nothing' (exclude), '999999999999' (exclude)"),
        ((DATA, CLOSED, "/"), ("ou-sim1-workload",), ""),
    ],
)
async def test_what_is_chosen_of_an_organization_and_is_not_there_is_told(
    here: Any, include: tuple[str, ...], exclude: tuple[str, ...], said: str
) -> None:
    chosen = replace(ORGANIZATION, include=include, exclude=exclude)
    accounts = await here(Reach(organization=chosen), "simulated-production").ask()
    told = [account for account in accounts if not account.account and account.state == "ok"]
    assert [account.problem for account in told] == (
        [f"The organization has no account, unit or path {said}."] if said else []
    )


async def test_the_source_of_an_organization_need_not_be_a_profile_of_the_context(here: Any) -> None:
    accounts = await here(Reach(organization=ORGANIZATION), "simulated-sandbox").ask()
    assert numbers(accounts) == {PRODUCTION, SANDBOX, DATA, PAYMENTS, EDGE}
    (sandbox,) = [account for account in accounts if account.account == SANDBOX]
    assert sandbox.role == "", "what a profile reads is read by it"


async def test_an_organization_that_may_not_be_listed_is_told_and_what_was_known_of_it_goes_on(
    here: Any, faults: SimulatedAws
) -> None:
    whose = here(Reach(organization=ORGANIZATION), "simulated-production")
    faults.fault(kind="denied", service="organizations", operation="ListAccounts", count=1)
    production, unlisted = await whose.ask()
    assert production.state == "ok"
    assert (unlisted.state, unlisted.account) == ("denied", "")
    assert unlisted.name == "arn:aws:iam::*:role/QuarterdeckAccess"
    assert "cannot be listed: denied(organizations:ListAccounts)" in unlisted.problem
    assert DATA in numbers(await whose.ask())
    faults.fault(kind="error", service="organizations", code="AWSOrganizationsNotInUseException")
    again = await whose.ask()
    assert DATA in numbers(again)
    assert again[-1].state == "error"


async def test_accounts_of_a_member_cannot_list_the_organization(here: Any) -> None:
    whose = here(Reach(organization=replace(ORGANIZATION, source_profile="simulated-sandbox")), "simulated-sandbox")
    assert [account.state for account in await whose.ask()] == ["ok", "denied"]


async def test_a_role_profile_of_the_configuration_file_is_assumed_with_its_external_id_and_session_name(
    here: Any, aws: SimulatedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    role = f"role_arn = {role_of(AUDITED).arn}\nsource_profile = simulated-production\n"
    config.write_text(
        f"[profile good]\n{role}external_id = {EXTERNAL_ID}\nrole_session_name = from-file\n"
        f"[profile bad]\n{role}external_id = not-this-one\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    good, bad = await here(Reach(), "good", "bad").ask()
    assert good.arn == f"arn:aws:sts::{AUDITED}:assumed-role/QuarterdeckAccess/from-file"
    assert (bad.state, bad.account) == ("denied", "")


async def test_configured_roles_say_their_session_name_and_keep_to_their_regions(here: Any) -> None:
    named = replace(role_of(DATA, session_name="night-watch"), regions=("eu-west-1",))
    elsewhere = replace(role_of(EDGE), regions=("eu-west-1", "me-south-1"))
    wrong = role_of(AUDITED, external_id="not-this-one")
    accounts = await here(Reach((named, elsewhere, wrong)), "simulated-production").ask()
    _, data, edge, audited = accounts
    assert (data.arn.rpartition("/")[2], data.regions) == ("night-watch", ("eu-west-1",))
    assert (edge.regions, edge.problem) == (("eu-west-1",), "Not enabled in this account: me-south-1.")
    assert audited.state == "denied"
    assert "not-this-one" not in audited.problem


async def test_whoever_has_nothing_but_a_source_for_roles_lacks_nothing(
    here: Any, aws: SimulatedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = (monkeypatch_out(monkeypatch, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    file = tmp_path / "credentials"
    file.write_text(f"[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    (account,) = await here(Reach((replace(role_of(DATA), source_profile="base"),))).ask()
    assert (account.account, account.state) == (DATA, "ok")
    (alone,) = await here(Reach()).ask()
    assert alone.state == "none"


def monkeypatch_out(monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    value = os.environ[name]
    monkeypatch.delenv(name)
    return value


async def test_new_credentials_in_the_files_are_seen_without_a_restart_by_the_source_and_by_its_roles(
    here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: SimulatedAws
) -> None:
    key, secret = (monkeypatch_out(monkeypatch, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    file = tmp_path / "credentials"
    file.write_text("[base]\naws_access_key_id = AKIAOLD\naws_secret_access_key = old\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    whose = here(Reach((replace(role_of(DATA), source_profile="base"),)))
    nobody, unknown = await whose.ask()
    assert (nobody.state, unknown.state) == ("none", "error")
    assert "does not accept these credentials (InvalidClientTokenId)" in unknown.problem
    file.write_text(f"[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    assert DATA in numbers(await whose.ask())
    faults.fault(kind="error", service="sts", operation="GetCallerIdentity", code="ExpiredToken", status=403)
    (_, expired) = await whose.ask()
    assert expired.state == "expired", expired.problem
    assert "aws sso login --profile base" in expired.problem
    faults.fault(clear=True)
    assert DATA in numbers(await whose.ask())


async def test_a_role_whose_source_has_no_credentials_says_so(here: Any) -> None:
    (_, role) = await here(Reach((replace(role_of(DATA), source_profile="nowhere"),)), "simulated-production").ask()
    assert role.state == "none"
    assert "no AWS profile named nowhere" in role.problem


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
async def test_an_identity_of_another_partition_is_refused_and_nothing_is_read_as_it(here: Any, partition: str) -> None:
    foreign = Role(f"arn:{partition}:iam::{DATA}:role/QuarterdeckAccess", source_profile="simulated-production")
    whose = here(Reach((foreign,)), "simulated-production")
    ours, theirs = await whose.ask()
    assert (ours.state, theirs.state, theirs.account) == ("ok", "error", "")
    assert f"of partition {partition}, and this store belongs to aws" in theirs.problem
    elsewhere = here(Reach(), "simulated-production", partition=partition, region="us-east-1")
    (account,) = await elsewhere.ask()
    assert (account.state, account.account) == ("error", "")
    assert f"of partition aws, and this store belongs to {partition}" in account.problem
    assert await elsewhere.reader(PRODUCTION) is None


class Keys(Requester):
    """Gives credentials that last that long, and counts."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self.minutes, self.asked = minutes, list[Json]()

    async def send(self, client: Any, line: Any, service: str, operation: str, parameters: Json, price: float) -> Json:
        self.asked.append(parameters)
        ends = datetime.now(UTC) + timedelta(minutes=self.minutes)
        key = {"AccessKeyId": f"ASIA{len(self.asked)}", "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": key | {"Expiration": ends.isoformat()}}


@pytest.mark.parametrize(("minutes", "asked"), [(60, 1), (5, 3)])
async def test_credentials_of_a_role_are_asked_for_again_before_they_end(minutes: int, asked: int) -> None:
    async def sts() -> None:
        return None

    keys = Keys(minutes)
    role = role_of(AUDITED, external_id=EXTERNAL_ID, session_name="ann")
    credentials = assumed(role, keys, "eu-west-1", sts, Asides())
    assert keys.asked == [], "nothing is asked for before it is needed"
    frozen = [await credentials.get_frozen_credentials() for _ in range(3)]
    assert [one.access_key for one in frozen][-1] == f"ASIA{asked}"
    assert keys.asked == [{"RoleArn": role.arn, "RoleSessionName": "ann", "ExternalId": EXTERNAL_ID}] * asked


async def test_more_accounts_than_turns_do_not_wait_for_one_another_for_ever(here: Any) -> None:
    """A request whose credentials have to be asked for first holds its turn meanwhile."""
    many = tuple(role_of(DATA, session_name=f"session-{number}") for number in range(30))
    async with asyncio.timeout(240):
        assert numbers(await here(Reach(many), "simulated-production").ask()) == {PRODUCTION, DATA}
