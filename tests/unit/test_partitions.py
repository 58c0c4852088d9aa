"""Partitions: AWS in China and for the US government are other AWSs, with their own regions, endpoints and stores."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backends.aws.kinds import KINDS
from backends.aws.logins import Login
from backends.aws.offered import offered
from backends.aws.requests import Requester
from backends.aws.session import Sessions
from backends.aws.sweep import Sweep
from backends.aws.tasks import SweepTask
from backends.aws.whose import Whose
from backends.context import Context, gather, partition_of, store_id
from backends.model import GLOBAL_REGION, CoverageState
from backends.reach import Organization, Reach
from backends.store import Store, WrongStore
from tests.unit.bad_endpoint import Endpoint, Said

SERVICES = sorted({"sts", "organizations", *(call.service or kind.service for kind in KINDS for call in kind.calls)})
LACKING_FOR_GOVERNMENT = ("budgets", "ce", "savingsplans")


@pytest.mark.parametrize(
    ("partition", "region", "home", "suffix", "places", "lacking"),
    [
        ("aws", "eu-west-1", "us-east-1", ".amazonaws.com", ("eu-west-1", "us-east-1", ""), ()),
        ("aws-cn", "cn-northwest-1", "cn-north-1", ".amazonaws.com.cn", ("",), ()),
        ("aws-us-gov", "us-gov-east-1", "us-gov-west-1", ".amazonaws.com", ("us-gov",), LACKING_FOR_GOVERNMENT),
    ],
)
async def test_every_service_is_asked_in_its_own_partition(
    monkeypatch: pytest.MonkeyPatch,
    partition: str,
    region: str,
    home: str,
    suffix: str,
    places: tuple[str, ...],
    lacking: tuple[str, ...],
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    sessions = Sessions(Context(region=region, partition=partition))
    try:
        assert sessions.home_region == home
        for service in sorted(set(SERVICES) - set(lacking)):
            for place in (region, GLOBAL_REGION):
                host = urlsplit((await sessions.client(Login(), service, place)).meta.endpoint_url).hostname or ""
                assert host.endswith(suffix), host
                assert any(name in host for name in places), host
    finally:
        await sessions.close()


@pytest.mark.parametrize("service", ["budgets", "ce"])
async def test_what_a_partition_lacks_is_said_without_asking(service: str) -> None:
    kind = next(kind for kind in KINDS if kind.service == service)
    sessions = Sessions(Context(region="us-gov-west-1", partition="aws-us-gov"))

    async def emit(arrow: bytes, rows: int) -> None:
        raise AssertionError

    sweep = Sweep(
        kind,
        SweepTask("111122223333", GLOBAL_REGION, kind.name),
        requester=Requester(),
        client=lambda service: sessions.client(Login(), service, GLOBAL_REGION),
        loader=sessions.loader,
        emit=emit,
    )
    coverage = await sweep.run()
    assert (coverage.state, coverage.calls, coverage.cost) == (CoverageState.UNSUPPORTED, 0, 0.0)
    assert coverage.problem == f"AWS does not offer {service} in its partition aws-us-gov."


OWN, MEMBER = "111122223333", "444455556666"


class Elsewhere(Endpoint):
    """AWS of another partition: one account that manages another, in regions of which one is not enabled."""

    def __init__(self, partition: str, regions: tuple[str, ...]) -> None:
        super().__init__()
        self.partition, self.regions = partition, regions
        self.heard: list[tuple[str, str, str]] = []
        self.answer = self.told

    def told(self, operation: str, query: dict[str, str], before: int) -> Said:
        account = MEMBER if query["signed_as"] == "ASIA0" else OWN
        self.heard.append((operation, query["signed_for"], query.get("RoleArn", "")))
        if operation == "ListAccounts":
            listed = [{"Id": number, "Status": "ACTIVE"} for number in (OWN, MEMBER)]
            return Said(json.dumps({"Accounts": listed}).encode())
        if operation == "DescribeRegions":
            items = "".join(
                f"<item><regionName>{region}</regionName><optInStatus>{status}</optInStatus></item>"
                for region, status in zip(
                    self.regions, ("opt-in-not-required", "opted-in", "not-opted-in"), strict=True
                )
            )
            return Said(f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>".encode())
        inside = {
            "GetCallerIdentity": f"<Arn>arn:{self.partition}:sts::{account}:assumed-role/a/b</Arn>"
            f"<UserId>u</UserId><Account>{account}</Account>",
            "AssumeRole": "<Credentials><AccessKeyId>ASIA0</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>",
            "ListAccountAliases": "<AccountAliases/><IsTruncated>false</IsTruncated>",
        }[operation]
        return Said(
            f"<{operation}Response><{operation}Result>{inside}</{operation}Result></{operation}Response>".encode()
        )


@pytest.mark.parametrize(
    ("partition", "regions", "home"),
    [
        ("aws-cn", ("cn-northwest-1", "cn-north-1", "cn-east-9"), "cn-north-1"),
        ("aws-us-gov", ("us-gov-east-1", "us-gov-west-1", "us-gov-north-9"), "us-gov-west-1"),
    ],
)
async def test_accounts_their_regions_and_the_roles_into_them_are_of_the_partition(
    monkeypatch: pytest.MonkeyPatch, partition: str, regions: tuple[str, ...], home: str
) -> None:
    aws = Elsewhere(partition, regions)
    server = await asyncio.start_server(aws.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shell = {"AWS_ACCESS_KEY_ID": "AKIA0", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    context = replace(gather(shell | {"AWS_REGION": regions[0]}), reach=Reach(organization=Organization("Reader")))
    sessions = Sessions(context)
    try:
        accounts = await Whose(sessions, Requester(custom_endpoint=True)).ask()
    finally:
        await sessions.close()
        server.close()
    assert [(account.state, account.account) for account in accounts] == [("ok", OWN), ("ok", MEMBER)]
    assert all(account.arn.startswith(f"arn:{partition}:sts::{account.account}:") for account in accounts)
    assert {account.regions for account in accounts} == {tuple(sorted(regions[:2]))}
    assert accounts[1].role == f"arn:{partition}:iam::{MEMBER}:role/Reader"
    assert ("AssumeRole", regions[0], accounts[1].role) in aws.heard
    asked = {operation: region for operation, region, _ in aws.heard}
    assert asked["ListAccountAliases"] == asked["ListAccounts"] == home, "global services are asked at home"
    assert asked["DescribeRegions"] == regions[0]


def test_what_we_make_of_a_resource_names_the_partition_that_it_is_in() -> None:
    templates = {kind.name: kind.arn for kind in KINDS if kind.arn.startswith("arn:")}
    assert len(templates) > 30
    assert [name for name, arn in templates.items() if not arn.startswith("arn:{partition}:")] == []
    assert "arn:aws:" not in repr(KINDS), "no path takes the partition for granted"


def test_of_a_partition_whose_services_are_not_listed_nothing_is_taken_as_missing() -> None:
    loader = Sessions(Context()).loader
    assert all(offered(loader, partition, "ce") for partition in ("aws", "aws-eusc", "aws-elsewhere"))


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_the_region_says_which_partition_is_meant(region: str, partition: str) -> None:
    assert partition_of(region) == gather({"AWS_REGION": region}).partition == partition


def test_each_partition_has_its_own_store_at_one_endpoint_too() -> None:
    whose = [("aws", ""), ("aws-cn", ""), ("aws-us-gov", ""), ("aws", "http://h:1"), ("aws-cn", "http://h:1")]
    assert len({store_id(*one) for one in whose}) == len(whose)


@pytest.mark.parametrize("other", [("aws-cn", ""), ("aws", "http://127.0.0.1:1")])
def test_a_store_is_not_opened_as_anothers(tmp_path: Path, other: tuple[str, str]) -> None:
    Store.open(tmp_path / "store.duckdb", (), identity=("aws", "")).close()
    with pytest.raises(WrongStore, match=r"partition aws"):
        Store.open(tmp_path / "store.duckdb", (), identity=other)
