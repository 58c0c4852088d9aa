"""Which accounts a context was proved to be, kept across daemons: with expired credentials or no network the data of
those accounts can still be read, frozen.

No secret and no external id goes into the file. A context is recognised by the names in it, by the access key's public
id, and by the state of the configuration files: whoever edits those has to prove the account again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from backends.context import Context
from backends.launch import read_json
from backends.model import Account

log = logging.getLogger(__name__)

_MOST = 64
_NAMES = (
    *("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "HOME"),
)


class Remembered:
    """The file of proved accounts, in the store's private directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, context: Context) -> tuple[Account, ...]:
        """The accounts that this context was when STS was asked last; none where that is not known."""
        found = read_json(self._path).get(fingerprint(context), [])
        try:
            return tuple(Account.from_json(account) for account in found)
        except (TypeError, ValueError, KeyError):
            return ()

    def keep(self, context: Context, accounts: Iterable[Account]) -> None:
        """Remember accounts that STS has just named."""
        known = read_json(self._path)
        name = fingerprint(context)
        known.pop(name, None)
        known[name] = [account.as_json() | {"expires": ""} for account in accounts]
        part = self._path.with_suffix(".part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(dict(list(known.items())[-_MOST:]), file)
            part.replace(self._path)
        except OSError as error:
            log.warning("Remembering accounts: %r", error)


def fingerprint(context: Context) -> str:
    """What a context is recognised by."""
    environment = context.environment
    home = environment.get("HOME", "")
    config = environment.get("AWS_CONFIG_FILE") or f"{home}/.aws/config"
    credentials = environment.get("AWS_SHARED_CREDENTIALS_FILE") or f"{home}/.aws/credentials"
    said = [
        *(context.profiles, context.region, context.endpoint, context.partition),
        [environment.get(name, "") for name in _NAMES],
        *context.reach.told(),
        [(path, *_state(path)) for path in (config, credentials)],
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _state(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
