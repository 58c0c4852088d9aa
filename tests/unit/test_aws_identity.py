"""Who the credentials are, told without ever raising: every state has a sentence that says what to do."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import SSLError

from backends.aws import coverage
from backends.aws.coverage import classify
from backends.aws.identity import identify
from backends.aws.logins import Login
from backends.aws.requests import Refusal, Requester
from backends.aws.session import Sessions
from backends.context import Context
from backends.model import Account, Json
from tests.simulated_aws import SimulatedAws


@pytest.fixture(autouse=True)
def _no_other_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # The endpoint's clock is held: once others have used it for minutes, refusals would be told as our clock's fault.
    monkeypatch.setattr(coverage, "_SKEW_SECONDS", float("inf"))


async def identified(context: Context, profile: str = "") -> Account:
    sessions = Sessions(context)
    try:
        return await identify(sessions, Requester(custom_endpoint=bool(context.endpoint)), Login(profile))
    finally:
        await sessions.close()


def point_at(monkeypatch: pytest.MonkeyPatch, aws: SimulatedAws) -> Context:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return Context(region="eu-west-1", endpoint=aws.endpoint)


async def test_no_credentials_is_said_with_what_to_do() -> None:
    account = await identified(Context())
    assert (account.state, account.account) == ("none", "")
    assert "No AWS credentials were found" in account.problem
    assert "quarterdeck demo" in account.problem


async def test_a_profile_that_is_not_there_is_named() -> None:
    account = await identified(Context(), "nowhere")
    assert account.state == "none"
    assert "no AWS profile named nowhere" in account.problem


async def test_expired_credentials_are_told_with_the_login(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws
) -> None:
    context = point_at(monkeypatch, simulated)
    simulated.fault(service="sts", operation="GetCallerIdentity", code="ExpiredToken", status=403)
    try:
        account = await identified(context, "simulated-production")
    finally:
        simulated.fault(clear=True)
    assert account.state == "expired"
    assert "aws sso login --profile simulated-production" in account.problem


async def test_credentials_that_aws_does_not_know_are_denied(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws
) -> None:
    context = point_at(monkeypatch, simulated)
    simulated.fault(service="sts", operation="GetCallerIdentity", code="InvalidClientTokenId", status=403)
    try:
        account = await identified(context)
    finally:
        simulated.fault(clear=True)
    assert account.state == "denied"
    assert "does not accept these credentials" in account.problem


async def test_a_role_that_may_not_be_assumed_is_denied(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws
) -> None:
    context = point_at(monkeypatch, simulated)
    simulated.fault(service="sts", operation="AssumeRole", code="AccessDenied", status=403)
    try:
        account = await identified(context, "simulated-sandbox")
    finally:
        simulated.fault(clear=True)
    assert account.state == "denied"
    assert "denied(sts:AssumeRole)" in account.problem
    assert "simulated-sandbox" in account.problem


async def test_regions_that_may_not_be_asked_fall_back_to_the_contexts_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws
) -> None:
    context = point_at(monkeypatch, simulated)
    simulated.fault(kind="denied", service="ec2", operation="DescribeRegions")
    simulated.fault(kind="denied", service="iam", operation="ListAccountAliases")
    try:
        account = await identified(context)
    finally:
        simulated.fault(clear=True)
    assert (account.state, account.regions, account.alias) == ("ok", ("eu-west-1",), "")
    assert "denied(ec2:DescribeRegions)" in account.problem
    assert account.unheard == ("regions", "alias")
    assert Account.from_json(account.as_json()) == account


async def test_no_answer_names_the_endpoint(monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws) -> None:
    point_at(monkeypatch, simulated)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    account = await identified(Context(region="eu-west-1", endpoint="http://127.0.0.1:9"))
    assert account.state == "error"
    assert "does not answer at http://127.0.0.1:9" in account.problem


class Untrusting(Requester):
    """Meets a certificate that nobody here vouches for."""

    async def send(self, *_: Any, **__: Any) -> Json:
        error = SSLError(endpoint_url="https://aws.corp.invalid", error="certificate verify failed")
        raise Refusal(classify(error, "sts", "GetCallerIdentity"), error)


async def test_a_certificate_that_is_not_trusted_is_told_with_what_names_its_authority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    sessions = Sessions(Context(region="eu-west-1", endpoint="https://aws.corp.invalid"))
    account = await identify(sessions, Untrusting(), Login())
    await sessions.close()
    assert account.state == "error"
    assert account.problem == (
        "The certificate of https://aws.corp.invalid is not trusted here; name its authority's file in AWS_CA_BUNDLE."
    )


@pytest.mark.parametrize(
    ("content", "what"), [(None, "there is no such file"), ("rubbish", "no certificate can be read from it")]
)
async def test_a_bundle_of_authorities_that_cannot_be_used_is_named_however_often_it_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, what: str
) -> None:
    bundle = tmp_path / "corporate.pem"
    if content is not None:
        bundle.write_text(content)
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIA0", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CA_BUNDLE": bundle}.items():
        monkeypatch.setenv(name, str(value))
    context = Context(region="eu-west-1", endpoint="https://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", context.endpoint)
    sessions = Sessions(context)
    for _ in range(2):
        account = await identify(sessions, Requester(), Login())
        assert account.state == "error"
        assert account.problem == f"AWS_CA_BUNDLE, or ca_bundle of the profile, names {bundle}, and {what}."
    await sessions.close()


async def test_what_was_under_way_when_a_login_was_forgotten_ends_well_and_leaves_no_connection_open(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws
) -> None:
    made: list[aiohttp.ClientSession] = []

    real = aiohttp.ClientSession

    def noted(**options: Any) -> aiohttp.ClientSession:
        made.append(real(**options))
        return made[-1]

    sessions = Sessions(point_at(monkeypatch, simulated))
    client = await sessions.client(Login(), "sts", "eu-west-1")
    with monkeypatch.context() as patched:
        patched.setattr(aiohttp, "ClientSession", noted)
        asked = [asyncio.ensure_future(client.get_caller_identity()) for _ in range(3)]
        await asyncio.sleep(0)
        await sessions.forget(Login())
        assert {answer["Account"] for answer in await asyncio.gather(*asked)} == {"111122223333"}
        assert (await client.get_caller_identity())["Account"] == "111122223333", "a sweep goes on with what it holds"
    assert made
    assert all(session.closed for session in made)
    assert await sessions.client(Login(), "sts", "eu-west-1") is not client
    await sessions.close()


async def test_a_credential_process_is_followed_and_its_failure_told(
    monkeypatch: pytest.MonkeyPatch, simulated: SimulatedAws, tmp_path: Path
) -> None:
    point_at(monkeypatch, simulated)
    key, secret = simulated.environment["AWS_ACCESS_KEY_ID"], simulated.environment["AWS_SECRET_ACCESS_KEY"]
    answer = tmp_path / "answer.json"
    answer.write_text(f'{{"Version": 1, "AccessKeyId": "{key}", "SecretAccessKey": "{secret}"}}')
    config = tmp_path / "config"
    config.write_text(
        f"[profile good]\ncredential_process = /bin/cat {answer}\nregion = eu-west-1\n"
        "[profile bad]\ncredential_process = /bin/false\nregion = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    context = Context(("good", "bad"), endpoint=simulated.endpoint)
    good, bad = await identified(context, "good"), await identified(context, "bad")
    assert (good.state, good.account) == ("ok", "111122223333")
    assert bad.state == "error"
    said = "The credentials of profile bad could not be had: Error when retrieving credentials from custom-process."
    assert bad.problem == said


@pytest.mark.parametrize("profile", ["stuck", "role"])
async def test_a_credential_process_that_does_not_answer_is_ended_and_its_profile_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    started: list[asyncio.subprocess.Process] = []
    create = asyncio.create_subprocess_exec

    async def noted(*command: str, **how: Any) -> asyncio.subprocess.Process:
        started.append(await create(*command, **how))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    monkeypatch.setattr("backends.aws.credential_process.ANSWER_SECONDS", 0.05)
    config = tmp_path / "config"
    config.write_text(
        "[profile stuck]\ncredential_process = sleep 600\n"
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/Admin\nsource_profile = stuck\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    async with asyncio.timeout(120):
        account = await identified(Context(region="eu-west-1"), profile)
        assert [await process.wait() for process in started] == [-signal.SIGKILL]
    assert account.state == "error"
    assert account.problem.startswith(f"The credentials of profile {profile} could not be had: ")
    assert account.problem.endswith("it did not answer within 0.05 s.")


@pytest.mark.parametrize(
    ("profile", "state", "sentence"),
    [
        ("mfa", "error", "of profile mfa need an MFA code, which cannot be asked here; get a session first"),
        ("sso", "expired", "There is no AWS login of profile sso here yet; run `aws sso login --profile sso`."),
        (
            "older",
            "expired",
            "There is no AWS login of profile older here yet; run `aws sso login --profile older`.",
        ),
    ],
)
async def test_what_waits_for_a_person_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str, state: str, sentence: str
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile mfa]\nrole_arn = arn:aws:iam::111122223333:role/Admin\nsource_profile = base\n"
        "mfa_serial = arn:aws:iam::111122223333:mfa/me\n"
        "[profile base]\naws_access_key_id = AKIA0\naws_secret_access_key = s\n"
        "[sso-session corp]\nsso_start_url = https://corp.invalid/start\nsso_region = eu-west-1\n"
        "[profile sso]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Reader\n"
        "[profile older]\nsso_start_url = https://corp.invalid/start\nsso_region = eu-west-1\n"
        "sso_account_id = 111122223333\nsso_role_name = Reader\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setattr("botocore.credentials.AssumeRoleCredentialFetcher._assume_role_kwargs", nobody_there)
    account = await identified(Context(region="eu-west-1"), profile)
    assert (account.state, account.account) == (state, "")
    assert sentence in account.problem


def nobody_there(_: object) -> None:
    """Asking for the code meets the end of the input: a daemon's collector has no terminal."""
    raise EOFError
