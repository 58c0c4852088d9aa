"""Botocore sessions and clients: one session per profile, one loader for all, cheap parsing.

Credentials and transport come from the standard chain alone: the environment that this process was given, and the files
that it names.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from typing import Any, ClassVar

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.httpsession import create_urllib3_context, get_cert_path

from backends.aws.convert import iso_text
from backends.aws.lean_xml import LeanParserFactory
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


class _SharedTls(AIOHTTPSession):  # type: ignore[misc]
    """HTTP for clients with one TLS context for all: aiobotocore itself loads the certificate authorities for every
    client anew, which is most of what a client costs."""

    _contexts: ClassVar[dict[tuple[Any, ...], ssl.SSLContext]] = {}

    def _create_connector(self, proxy_url: str | None) -> aiohttp.TCPConnector:
        if proxy_url or not self._verify:
            connector: aiohttp.TCPConnector = super()._create_connector(proxy_url)
            return connector
        key = (str(self._verify), self._cert_file, self._key_file)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = create_urllib3_context()
            if self._cert_file:
                context.load_cert_chain(self._cert_file, self._key_file)
            context.load_verify_locations(get_cert_path(self._verify))
        return aiohttp.TCPConnector(limit=self._max_pool_connections, ssl=context, **self._connector_args)


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


class Sessions:
    """The sessions and clients of one context. Used from one event loop."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._sessions: dict[str, AioSession] = {}
        self._makers: dict[str, aioboto3.Session] = {}
        self._clients: dict[tuple[str, str, str, bool], Any] = {}
        self._locks: dict[tuple[str, str, str, bool], asyncio.Lock] = {}
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
            self.session(self.profiles[0])
        return self._loader

    @property
    def profiles(self) -> tuple[str, ...]:
        """The context's profiles; "" is the chain's own default."""
        return self.context.profiles or ("",)

    def session(self, profile: str) -> AioSession:
        """The botocore session of a profile; botocore's ProfileNotFound comes later, when it is used."""
        found = self._sessions.get(profile)
        if found is None:
            found = AioSession(profile=profile or None)
            if self._loader is None:
                self._loader = found.get_component("data_loader")
            found.register_component("data_loader", self._loader)
            parsers = LeanParserFactory()
            parsers.set_parser_defaults(timestamp_parser=iso_text)
            found.register_component("response_parser_factory", parsers)
            self._sessions[profile] = found
        return found

    def _maker(self, profile: str) -> aioboto3.Session:
        """The aioboto3 session of a profile: a second one would give S3's clients their own methods twice, and fail."""
        if profile not in self._makers:
            self._makers[profile] = aioboto3.Session(botocore_session=self.session(profile))
        return self._makers[profile]

    def region_of(self, profile: str, region: str = "") -> str:
        """The region to sign for: the one asked, the partition's home for "global", else the profile's or context's."""
        if region == GLOBAL_REGION:
            return self.home_region
        configured = region or self.context.region
        return configured or self.session(profile).get_config_variable("region") or self.home_region

    async def client(self, profile: str, service: str, region: str, *, acting: bool = False) -> Any:
        """The aiobotocore client for (profile, service, region), made once; `acting` clients never resend."""
        key = (profile, service, self.region_of(profile, region), acting)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._clients:
                made = self._maker(profile).client(service, region_name=key[2], config=_ACTING if acting else _POLLING)
                self._clients[key] = await made.__aenter__()
                if len(self._clients) < 64:
                    gc.freeze()
            return self._clients[key]

    async def forget(self, profile: str) -> None:
        """Drops a profile's session and clients, so that a new login is seen."""
        self._sessions.pop(profile, None)
        self._makers.pop(profile, None)
        for key in [key for key in self._clients if key[0] == profile]:
            await self._clients.pop(key).close()

    async def close(self) -> None:
        """Closes every connection."""
        for profile in {key[0] for key in self._clients}:
            await self.forget(profile)


class Caretaker:
    """Collects garbage by hand: a collection amid a parse costs a fifth of a second, and pages leave no cycles."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        gc.disable()

    def rest(self) -> None:
        """Called between pieces of work; collects if it has been a while."""
        if time.monotonic() - self._last > _COLLECT_SECONDS:
            gc.collect()
            self._last = time.monotonic()
