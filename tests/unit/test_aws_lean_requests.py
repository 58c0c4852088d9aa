"""Requests of which less is written twice are the same requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from aiobotocore.session import AioSession

from backends.aws.lean_requests import lean

KEYS = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret", "region_name": "eu-west-1"}


class Answer:
    status_code = 200
    headers: dict[str, str] = {}  # noqa: RUF012
    raw = None

    @property
    def content(self) -> Any:
        async def body() -> bytes:
            return b"<R/>"

        return body()


async def sent(prepare: Any, parameters: dict[str, Any]) -> list[Any]:
    """What a client sends in two requests."""
    found: list[Any] = []

    def before_send(request: Any, **_: Any) -> Answer:
        found.append(request)
        return Answer()

    async with AioSession().create_client("ec2", **KEYS) as client:
        prepare(client)
        client.meta.events.register("before-send", before_send)
        for _ in range(2):
            await client.describe_spot_price_history(**parameters)
    return found


@pytest.mark.parametrize(
    "since", ["2026-11-20T00:30:00Z", "2026-11-20", "20 November 2026 10:00", "2026-11-20T01:00+02:00"]
)
async def test_a_request_of_a_lean_client_is_the_usual_one_signature_and_all(
    since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 11, 20, 1, 0))
    asked = {
        "StartTime": since,
        "AvailabilityZone": "2026-11-20",
        "NextToken": "a b&ü",
        "ProductDescriptions": ["Linux/UNIX", "x"],
    }
    lean_ones, usual = await sent(lean, asked), await sent(lambda client: client, asked)
    for one, other in zip(lean_ones, usual, strict=True):
        assert (one.method, one.url, _text(one.body)) == (other.method, other.url, _text(other.body))
        told = [{name.lower(): _text(value) for name, value in request.headers.items()} for request in (one, other)]
        for headers in told:
            del headers["amz-sdk-invocation-id"]
        assert told[0] == told[1] and "Signature=" in told[0]["authorization"]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
