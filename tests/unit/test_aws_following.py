"""Following pages of an answer are the requests that botocore would send, and of anything odd it sends them itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from inspect import signature
from typing import Any

import aiobotocore
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.following import FOLLOWING, Following, pattern_of
from backends.aws.lean_requests import lean

NOW = datetime(2026, 11, 20, 1, 0)
ASKED: dict[str, Any] = {"MaxResults": 1000, "ProductDescriptions": ["Linux/UNIX", "é&="], "StartTime": NOW}
FAULT = (
    b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slower</Message></Error></Errors></Response>"
)


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return NOW.replace(tzinfo=tz)


class Keys:
    """Credentials that may be others with every request."""

    method = "test"

    def __init__(self, *each: ReadOnlyCredentials) -> None:
        self.each = list(each)
        self.asked = 0

    @property
    def now(self) -> ReadOnlyCredentials:
        return self.each[0]

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.now

    async def get_account_id(self) -> str:
        return ""

    def get_deferred_property(self, name: str) -> Callable[[], Awaitable[str]]:
        return self.get_account_id


KEY = ReadOnlyCredentials("AKIATEST", "secret", None)
ROLE, LATER = ReadOnlyCredentials("ASIAONE", "one", "first"), ReadOnlyCredentials("ASIATWO", "two", "second")


class Endpoint:
    """Answers every request, by `statuses` in turn, and remembers it."""

    def __init__(self, client: Any, *statuses: int) -> None:
        self.requests: list[Any] = []
        self._statuses = list(statuses)
        client._endpoint._send = self._answer

    async def _answer(self, request: Any) -> Any:
        self.requests.append(request)
        status = self._statuses.pop(0) if self._statuses else 200
        body = b"<DescribeSpotPriceHistoryResponse/>" if status == 200 else FAULT

        class Answer:
            status_code = status
            headers: dict[str, str] = {}  # noqa: RUF012
            raw = None

            @property
            async def content(self) -> bytes:
                return body

        return Answer()

    @property
    def told(self) -> list[tuple[Any, ...]]:
        return [(r.method, r.url, _text(r.body), _headers(r)) for r in self.requests]


def _headers(request: Any) -> dict[str, str]:
    found = {name.lower(): _text(value) for name, value in request.headers.items()}
    assert found.pop("amz-sdk-invocation-id")
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW)
    monkeypatch.setattr("backends.aws.following.datetime", Clock)
    yield
    FOLLOWING.set(None)


async def asked(
    keys: Keys,
    tokens: list[str | None],
    *,
    ours: bool = True,
    statuses: tuple[int, ...] = (),
    change: int | None = None,
) -> tuple[Endpoint, int, list[str]]:
    """What reaches the endpoint for those pages; how many requests botocore made of it; the errors that came.

    `change` is before which page the credentials become others.
    """
    session = AioSession()
    session._credentials = keys
    made: list[Any] = []
    errors = []
    one = AioConfig(retries={"total_max_attempts": 1, "mode": "standard"})
    async with session.create_client("ec2", region_name="eu-west-1", config=one) as client:
        client.meta.events.register("request-created", lambda **_: made.append(1))
        endpoint = Endpoint(client, *statuses)
        if ours:
            lean(client)
            FOLLOWING.set(Following("NextToken"))
        for number, token in enumerate(tokens):
            if number == change:
                keys.each.pop(0)
            try:
                await client.describe_spot_price_history(**ASKED, **({"NextToken": token} if token else {}))
            except ClientError as error:
                errors.append(error.response["Error"]["Code"])
    return endpoint, len(made), errors


async def test_aiobotocore_has_the_private_parts_that_are_used() -> None:
    """Where this fails after an upgrade: mend following.py or lean_requests.py, or bound aiobotocore below it."""
    session = AioSession()
    session._credentials = Keys(KEY)
    async with session.create_client("ec2", region_name="eu-west-1") as client:
        wanted = {
            "client._make_api_call": ("operation_name", "api_params"),
            "client._endpoint._send": ("request",),
            "client._endpoint._response_parser_factory.create_parser": ("protocol_name",),
            "client._request_signer._credentials.get_frozen_credentials": (),
            "client._user_agent_creator.to_string": (),
        }
        for path, parameters in wanted.items():
            part: Any = client
            for name in path.split(".")[1:]:
                part = getattr(part, name, None)
            told = f"aiobotocore {aiobotocore.__version__} has no {path}{parameters} any more; backends/aws uses it."
            assert callable(part) and tuple(signature(part).parameters) == parameters, told


@pytest.mark.parametrize("key", [KEY, ROLE])
async def test_following_pages_are_asked_as_botocore_asks_them_signature_and_all(key: ReadOnlyCredentials) -> None:
    tokens = [None, "a", "b c&=%/+ü", "d" * 900, "b"]
    ours, made, _ = await asked(Keys(key), tokens)
    usual, all_of_them, _ = await asked(Keys(key), tokens, ours=False)
    assert ours.told == usual.told
    assert "Signature=" in ours.told[4][3]["authorization"]
    assert (made, all_of_them) == (2, 5)


async def test_each_page_is_signed_with_the_credentials_of_its_moment() -> None:
    tokens = [None, "a", "b", "c"]
    ours, _, _ = await asked(Keys(ROLE, LATER), tokens, change=3)
    usual, _, _ = await asked(Keys(ROLE, LATER), tokens, ours=False, change=3)
    assert ours.told == usual.told
    assert [told[3]["x-amz-security-token"] for told in ours.told] == ["first"] * 3 + ["second"]


async def test_credentials_of_another_sort_are_left_to_botocore() -> None:
    tokens = [None, "a", "b", "c"]
    ours, made, _ = await asked(Keys(ROLE, KEY), tokens, change=3)
    usual, _, _ = await asked(Keys(ROLE, KEY), tokens, ours=False, change=3)
    assert ours.told == usual.told
    assert made == 3


async def test_an_error_is_botocores_and_so_is_the_request_after_it() -> None:
    ours, made, errors = await asked(Keys(KEY), [None, "a", "b", "b", "c"], statuses=(200, 200, 503))
    assert errors == ["RequestLimitExceeded"]
    assert len(ours.requests) == 5
    assert made == 3  # the first two, and the one that was refused once more


@given(st.text(min_size=1, max_size=40), st.sampled_from([KEY, ROLE]))
def test_any_token_is_written_as_botocore_writes_it(token: str, key: ReadOnlyCredentials) -> None:
    request = AWSRequest("POST", "https://ec2.eu-west-1.amazonaws.com/", data={"Action": "X", "NextToken": "first"})
    request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    SigV4Auth(key, "ec2", "eu-west-1").add_auth(request)
    pattern = pattern_of(_encoded(request), {"NextToken": "first"}, "NextToken", key)
    request.data["NextToken"] = token
    SigV4Auth(key, "ec2", "eu-west-1").add_auth(request)
    usual = _encoded(request)
    ours = pattern.request(key, token, NOW) if pattern else None
    assert ours is not None
    assert (ours.body, dict(ours.headers)) == (usual.body, dict(usual.headers))


def _encoded(request: AWSRequest) -> AWSPreparedRequest:
    """The request with its form as bytes, as clients of ours send it."""
    found = request.prepare()
    found.body = found.body.encode() if isinstance(found.body, str) else found.body
    found.headers = {name: _text(value) for name, value in found.headers.items()}
    return found


@pytest.mark.parametrize(
    "spoilt",
    [
        {"url": "https://ec2.eu-west-1.amazonaws.com/path"},
        {"body": b"Action=X&NextToken=a&MaxResults=a"},
        {"body": b"Action=X&NextToken=b"},
        {"method": "GET"},
        {"headers": {"X-Amz-Date": "20261120T010000Z"}},
        {"headers": {"X-Amz-Date": "20261120T010000Z", "Authorization": "Bearer abc"}},
    ],
)
def test_a_request_that_would_be_signed_otherwise_is_no_pattern(spoilt: dict[str, Any]) -> None:
    request = AWSRequest("POST", "https://ec2.eu-west-1.amazonaws.com/", data={"Action": "X", "NextToken": "a"})
    SigV4Auth(KEY, "ec2", "eu-west-1").add_auth(request)
    sent = _encoded(request)
    assert pattern_of(sent, {"NextToken": "a"}, "NextToken", KEY) is not None
    assert pattern_of(sent, {"NextToken": "a"}, "NextToken", LATER) is None
    for name, value in spoilt.items():
        setattr(sent, name, value)
    assert pattern_of(sent, {"NextToken": "a"}, "NextToken", KEY) is None
