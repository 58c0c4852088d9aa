"""The programs that profiles name as `credential_process`: one that does not answer is ended, and the profile says so.

botocore waits for them for ever, and with it whoever asks who the credentials are.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiobotocore.credentials import AioProcessProvider
from aiobotocore.session import AioSession
from botocore.exceptions import CredentialRetrievalError

ANSWER_SECONDS = 120.0
"""Somebody may be logging in in a browser meanwhile."""


class Impatient:
    """A running `credential_process`, as aiobotocore uses it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it printed; CredentialRetrievalError where it does not end. It does not outlive the wait for it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._process.communicate()
        except TimeoutError:
            said = f"it did not answer within {ANSWER_SECONDS:g} s"
            raise CredentialRetrievalError(provider=AioProcessProvider.METHOD, error_msg=said) from None
        finally:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()


async def _started(*command: str, **pipes: Any) -> Impatient:
    return Impatient(await asyncio.create_subprocess_exec(*command, **pipes))


class Session(AioSession):  # type: ignore[misc]
    """A botocore session whose profiles' programs have to answer, those of a role's source profile too."""

    def _create_credential_resolver(self) -> Any:
        resolver = super()._create_credential_resolver()
        for provider in resolver.providers:
            if isinstance(provider, AioProcessProvider):
                provider._popen = _started
            elif (builder := getattr(provider, "_profile_provider_builder", None)) is not None:
                builder._create_process_provider = self._process_provider
        return resolver

    def _process_provider(self, profile_name: str) -> AioProcessProvider:
        return AioProcessProvider(profile_name, load_config=lambda: self.full_config, popen=_started)
