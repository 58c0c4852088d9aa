"""Following pages of an answer: requests that differ from the one before in token, time and signature alone.

botocore makes every request anew, from the parameters' validation to the endpoint's rules: for a page of spot prices
that is more work than reading it. Here it makes those for the first pages of an answer, and any after one that failed.
In between its last request is sent again with another token, signed with the credentials of that moment, through
botocore's own connections; its parser reads the answer and knows every error.
"""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlsplit

from aiobotocore.endpoint import convert_to_response_dict
from botocore.awsrequest import AWSPreparedRequest

from backends.model import Json

_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNATURE = re.compile(
    rf"{_ALGORITHM} Credential=[^/]+/[0-9]+/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]+"
)
_FORM = re.compile(rb"(?P<before>(?:[^=&]+=[^=&]*&)*(?P<name>[^=&]+)=)(?P<value>[^=&]*)")
_DATE, _TOKEN, _INVOCATION = "X-Amz-Date", "X-Amz-Security-Token", "amz-sdk-invocation-id"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A request as botocore sent it, which can be sent again with another token.

    parameters  what it asked, without the token
    token       the name of the token's parameter
    url, headers  as they were; before: its form up to the token's own text
    region, service, signed  what its signature names: for where, for what, and which headers
    """

    parameters: Json
    token: str
    url: str
    headers: Mapping[str, str]
    before: bytes
    region: str
    service: str
    signed: tuple[str, ...]

    def request(self, credentials: Any, token: str, now: datetime) -> AWSPreparedRequest | None:
        """The request for the page of a token; None where these credentials are of another sort."""
        if bool(credentials.token) != (_TOKEN in self.headers):
            return None
        body = self.before + quote_plus(token).encode()
        time = now.strftime("%Y%m%dT%H%M%SZ")
        own = {_DATE: time, "Content-Length": str(len(body))}
        if _INVOCATION in self.headers:
            own[_INVOCATION] = str(uuid.uuid4())
        if credentials.token:
            own[_TOKEN] = credentials.token
        headers = {**self.headers, **own}
        headers["Authorization"] = self.authorization(credentials, headers, body)
        return AWSPreparedRequest("POST", self.url, headers, body, stream_output=False)

    def authorization(self, credentials: Any, headers: Mapping[str, str], body: bytes) -> str:
        """The header that signs a request by AWS's signature version 4."""
        time = headers[_DATE]
        lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        lower.setdefault("host", urlsplit(self.url).netloc)
        told = "".join(f"{name}:{lower[name]}\n" for name in self.signed)
        signed = ";".join(self.signed)
        canonical = f"POST\n/\n\n{told}\n{signed}\n{sha256(body).hexdigest()}"
        scope = f"{time[:8]}/{self.region}/{self.service}/aws4_request"
        asked = f"{_ALGORITHM}\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = _key(credentials.secret_key, time[:8], self.region, self.service)
        signature = hmac.new(key, asked.encode(), sha256).hexdigest()
        return (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )


@lru_cache(maxsize=4)
def _key(secret: str, *scope: str) -> bytes:
    """The key that a secret gives for a day, a region and a service."""
    found = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        found = hmac.new(found, part.encode(), sha256).digest()
    return found


def pattern_of(request: AWSPreparedRequest, parameters: Json, token: str, credentials: Any) -> Pattern | None:
    """The pattern of a request that asked for the page of a token; None where it is not one that we could sign."""
    headers = {name: _text(value) for name, value in request.headers.items()}
    authorization = headers.pop("Authorization", "")
    signature = _SIGNATURE.fullmatch(authorization)
    form = _FORM.fullmatch(request.body) if isinstance(request.body, bytes) else None
    url = urlsplit(request.url)
    if credentials is None or signature is None or form is None or _DATE not in headers:
        return None
    if request.method != "POST" or url.path != "/" or url.query:
        return None
    if form["name"].decode().lower() != token.lower() or form["value"] != quote_plus(parameters[token]).encode():
        return None
    region, service, signed = signature.groups()
    asked = {name: value for name, value in parameters.items() if name != token}
    found = Pattern(asked, token, request.url, headers, form["before"], region, service, tuple(signed.split(";")))
    # What else it may hold shows here: a signature other than botocore's is never sent.
    same = found.authorization(credentials, headers, request.body) == authorization
    return found if same else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class Following:
    """The pages of one answer that are asked for with a token's parameter, one after another."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.sent: AWSPreparedRequest | None = None
        """The last request of botocore's own."""
        self.pattern: Pattern | None = None

    def fits(self, parameters: Json) -> bool:
        """Whether the page that is asked for differs from the pattern's in its token alone."""
        pattern, token = self.pattern, parameters.get(self.token)
        if pattern is None or not isinstance(token, str):
            return False
        return {name: value for name, value in parameters.items() if name != self.token} == pattern.parameters


FOLLOWING: ContextVar[Following | None] = ContextVar("FOLLOWING", default=None)
"""Of which answer the request that is being made is a page, where its pages may follow one another so."""


def follow(client: Any) -> None:
    """Has a client send the following pages of `FOLLOWING` by their pattern."""
    usual = client._make_api_call

    async def call(operation: str, parameters: Json) -> Any:
        pages = FOLLOWING.get()
        if pages is None:
            return await usual(operation, parameters)
        # Until it has been answered well there is no pattern: after a failure botocore begins anew.
        pattern, pages.pattern = pages.pattern if pages.fits(parameters) else None, None
        if pattern is not None and (credentials := await _credentials(client)) is not None:
            request = pattern.request(credentials, parameters[pages.token], datetime.now(UTC))
            if request is not None:
                answer = await _answered(client, operation, request)
                pages.pattern = pattern
                return answer
        pages.sent = None
        answer = await usual(operation, parameters)
        if pages.sent is not None and isinstance(parameters.get(pages.token), str):
            pages.pattern = pattern_of(pages.sent, parameters, pages.token, await _credentials(client))
        return answer

    client._make_api_call = call
    client.meta.events.register("before-send", _sent)


async def _credentials(client: Any) -> Any:
    """What the client signs with at this moment, refreshed by botocore if they are about to end; None: nothing."""
    credentials = client._request_signer._credentials
    return None if credentials is None else await credentials.get_frozen_credentials()


def _sent(request: AWSPreparedRequest, **_: Any) -> None:
    if (pages := FOLLOWING.get()) is not None:
        pages.sent = request


async def _answered(client: Any, operation: str, request: AWSPreparedRequest) -> Json:
    """What botocore's parser makes of the answer to a request, raised where it is an error.

    Nobody listens to the events that botocore's endpoint would tell of on the way.
    """
    model, endpoint = client.meta.service_model.operation_model(operation), client._endpoint
    response = await convert_to_response_dict(await endpoint._send(request), model)
    parser = endpoint._response_parser_factory.create_parser(model.service_model.resolved_protocol)
    found: Json = await parser.parse(response, model.output_shape)
    if response["status_code"] >= 300:
        raise client.exceptions.from_code(found.get("Error", {}).get("Code"))(found, operation)
    return found
