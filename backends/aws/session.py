"""Botocore sessions and clients: one session per login, one loader for all, cheap parsing.

Credentials and transport come from the standard chain alone: the environment that this process was given, and the files
that it names. A role that is configured is assumed with what the chain gives for its source.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from pathlib import Path
from typing import Any, ClassVar

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.exceptions import HTTPClientError
from botocore.httpsession import create_urllib3_context, get_cert_path

from backends.aws.asides import Asides
from backends.aws.convert import iso_text
from backends.aws.coverage import NoBundle, NotOffered
from backends.aws.credential_process import Session
from backends.aws.lean_models import LeanFiles
from backends.aws.lean_requests import lean
from backends.aws.lean_xml import LeanParserFactory
from backends.aws.logins import Borrowed, Login, WhoeverAsks, assumed
from backends.aws.offered import offered
from backends.aws.requests import Requester
from backends.context import Context
from backends.model import GLOBAL_REGION
from backends.version import VERSION

_HOME_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
}
_CONNECT_SECONDS, _READ_SECONDS = 5, 30
_COLLECT_SECONDS = 5.0
_COLLECTED_WHOLE = 60


class _SharedTls(AIOHTTPSession):  # type: ignore[misc]
    """HTTP for clients with one TLS context for all: aiobotocore itself loads the certificate authorities for every
    client anew, which is most of what a client costs.

    A sweep may go on with a client that was closed meanwhile: what is under way comes to its end, and the connections
    are closed whenever nothing is.
    """

    _contexts: ClassVar[dict[tuple[Any, ...], ssl.SSLContext]] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._under_way, self._closed = 0, False

    async def __aexit__(self, *failure: Any) -> None:
        self._closed = True
        await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._closed and not self._under_way:
            await super().__aexit__(None, None, None)

    async def send(self, request: Any) -> Any:
        self._under_way += 1
        try:
            return await self._sent(request)
        finally:
            self._under_way -= 1
            await self._close_if_idle()

    async def _sent(self, request: Any) -> Any:
        try:
            return await super().send(request)
        except HTTPClientError as error:
            # aiobotocore makes one thing of everything that it does not expect.
            if isinstance(cause := error.kwargs.get("error"), NoBundle):
                raise cause from None
            raise

    def _create_connector(self, proxy_url: str | None) -> aiohttp.TCPConnector:
        if not self._verify:
            connector: aiohttp.TCPConnector = super()._create_connector(proxy_url)
            return connector
        bundle = get_cert_path(self._verify)
        if not Path(bundle).exists():
            raise NoBundle(bundle=bundle, what="there is no such file")
        try:
            if proxy_url:
                connector = super()._create_connector(proxy_url)
                return connector
            context = self._context(bundle)
        except OSError as error:
            raise NoBundle(bundle=bundle, what="no certificate can be read from it") from error
        return aiohttp.TCPConnector(limit=self._max_pool_connections, ssl=context, **self._connector_args)

    def _context(self, bundle: str) -> ssl.SSLContext:
        key = (bundle, self._cert_file, self._key_file)
        if key not in self._contexts:
            context = create_urllib3_context()
            if self._cert_file:
                context.load_cert_chain(self._cert_file, self._key_file)
            context.load_verify_locations(**{"capath" if Path(bundle).is_dir() else "cafile": bundle})
            self._contexts[key] = context
        return self._contexts[key]


# One attempt each: the retries are ours, so that they are counted, and an action's request is never sent twice.
_ONE_ATTEMPT: dict[str, Any] = {
    "retries": {"total_max_attempts": 1, "mode": "standard"},
    "connect_timeout": _CONNECT_SECONDS,
    "read_timeout": _READ_SECONDS,
    "max_pool_connections": 25,
    "http_session_cls": _SharedTls,
    "user_agent_extra": f"quarterdeck/{VERSION}",
}
_POLLING = AioConfig(**_ONE_ATTEMPT)
# A connection kept alive may be closed under a request, and aiohttp resends some by itself: each action gets its own.
_ACTING = AioConfig(connector_args={"force_close": True, "keepalive_timeout": None}, **_ONE_ATTEMPT)


_Key = tuple[str, bool, str, str, bool]
"""profile, for its roles?, service, region, acting?"""


class Sessions:
    """The sessions and clients of one context. Used from one event loop.

    `keys` sends the requests for credentials. It takes turns with nothing else: whoever waits for an answer may be
    waiting for credentials first.
    """

    def __init__(self, context: Context, keys: Requester | None = None) -> None:
        self.context = context
        self.asides = Asides()
        self._keys = keys or Requester(custom_endpoint=bool(context.endpoint))
        self._sessions: dict[tuple[str, bool], AioSession] = {}
        self._assumed: dict[Login, AioDeferredRefreshableCredentials] = {}
        self._makers: dict[tuple[str, bool], aioboto3.Session] = {}
        self._clients: dict[_Key, Any] = {}
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._loader: Any = None

    @property
    def home_region(self) -> str:
        """Where a partition's global services are signed for."""
        return _HOME_REGIONS.get(self.context.partition, "us-east-1")

    @property
    def custom_endpoint(self) -> bool:
        return bool(self.context.endpoint)

    @property
    def loader(self) -> Any:
        """botocore's loader of service descriptions, shared by every session."""
        if self._loader is None:
            self._session(self.logins[0])
        return self._loader

    @property
    def logins(self) -> tuple[Login, ...]:
        """The context's profiles, "" being the chain's own choice, and the roles that are configured one by one."""
        profiles = (Login(profile) for profile in self.context.profiles or ("",))
        return (*profiles, *map(Login.of, self.context.reach.roles))

    def _session(self, login: Login) -> AioSession:
        """The botocore session of a login; botocore's ProfileNotFound comes later, when it is used."""
        key = (login.profile, login.role is not None)
        found = self._sessions.get(key)
        if found is None:
            found = Session(profile=login.profile or None)
            if self._loader is None:
                self._loader = found.get_component("data_loader")
                self._loader.file_loader = LeanFiles()
            found.register_component("data_loader", self._loader)
            parsers = LeanParserFactory()
            parsers.set_parser_defaults(timestamp_parser=iso_text)
            found.register_component("response_parser_factory", parsers)
            if login.role is not None:
                found._credentials = WhoeverAsks()
            self._sessions[key] = found
        return found

    def _maker(self, login: Login) -> aioboto3.Session:
        """The aioboto3 session of a login: a second one would give S3's clients their own methods twice, and fail."""
        key = (login.profile, login.role is not None)
        if key not in self._makers:
            self._makers[key] = aioboto3.Session(botocore_session=self._session(login))
        return self._makers[key]

    async def credentials(self, login: Login) -> Any:
        """The credentials of a login as botocore has them, None where there are none; a role's are not asked yet."""
        return await self._session(login).get_credentials() if login.role is None else self._of_role(login)

    def _of_role(self, login: Login) -> AioDeferredRefreshableCredentials:
        found = self._assumed.get(login)
        if found is None:
            assert login.role is not None
            source = Login(login.profile)
            region = self.region_of(source)
            found = assumed(login.role, self._keys, region, lambda: self.client(source, "sts", region), self.asides)
            self._assumed[login] = found
        return found

    def region_of(self, login: Login, region: str = "") -> str:
        """The region to sign for: the one asked, the partition's home for "global", else the profile's or context's."""
        if region == GLOBAL_REGION:
            return self.home_region
        configured = region or self.context.region
        return configured or self._session(login).get_config_variable("region") or self.home_region

    async def client(self, login: Login, service: str, region: str, *, acting: bool = False) -> Any:
        """The aiobotocore client for (login, service, region), made once; `acting` clients never resend.

        NotOffered where the partition has no such service.
        """
        key = (login.profile, login.role is not None, service, self.region_of(login, region), acting)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._clients:
                partition = self.context.partition
                if not self.custom_endpoint and not offered(self.loader, partition, service):
                    raise NotOffered(service=service, partition=partition)
                config = _ACTING if acting else _POLLING
                made = self._maker(login).client(service, region_name=key[3], config=config)
                self._clients[key] = lean(await made.__aenter__())
                if len(self._clients) < 64:
                    gc.freeze()
            client = self._clients[key]
        return client if login.role is None else Borrowed(client, self._of_role(login))

    async def forget(self, login: Login) -> None:
        """Drops a login's credentials, so that new ones are seen: a role's, or a profile's with all that used them."""
        if login.role is not None:
            self._assumed.pop(login, None)
            return
        self._sessions.pop((login.profile, False), None)
        self._makers.pop((login.profile, False), None)
        for key in [key for key in self._clients if key[:2] == (login.profile, False)]:
            await self._clients.pop(key).close()

    async def close(self) -> None:
        """Closes every connection."""
        while self._clients:
            await self._clients.popitem()[1].close()


class Caretaker:
    """Collects garbage by hand: a collection amid a parse costs a fifth of a second, and pages leave no cycles."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._times = 0
        gc.disable()

    def rest(self) -> None:
        """Called between pieces of work; collects if it has been a while, mostly only what is new since the last time.

        Looking through a hundred clients costs a third of a second and hardly ever finds anything.
        """
        if time.monotonic() - self._last > _COLLECT_SECONDS:
            self._times += 1
            gc.collect(2 if self._times % _COLLECTED_WHOLE == 0 else 1)
            self._last = time.monotonic()
