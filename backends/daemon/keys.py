"""The key of an encrypted store: from a file that only its owner reads, from the environment, or from Secrets Manager.

It is held in memory and handed to DuckDB; the processes that the daemon starts do not inherit it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from backends.context import private_directory
from backends.store import Key

VARIABLE = "QUARTERDECK_STORE_KEY"
MANAGED = "secretsmanager:"
SHORTEST = 16
_LARGEST = 4096
_WHOSE = (
    "credentials are looked for in the default profile and the instance's role, since a daemon that a command starts "
    "is given none of the shell's (AWS_PROFILE, AWS_ACCESS_KEY_ID, …)"
)


class KeyProblem(Exception):
    """Why there is no key although one is configured: one sentence, without the key."""


def configured(said: Mapping[str, Any]) -> str:
    """Where `[store]` says that the key is: a path, "secretsmanager:ARN", or "" for nowhere; ValueError."""
    for name in said:
        if name != "encryption_key_file":
            raise ValueError(f"store has no {name!r}; there is encryption_key_file.")
    place = said.get("encryption_key_file", "")
    if not isinstance(place, str):
        raise ValueError("store.encryption_key_file is a path or secretsmanager:ARN.")
    return place


def take_key(place: str, environment: MutableMapping[str, str] | None = None) -> Key | None:
    """The key from where the configuration says, or from the environment, out of which it is taken; None without one.

    KeyProblem where it cannot be had, or both say something.
    """
    given = (os.environ if environment is None else environment).pop(VARIABLE, "")
    if given and place:
        raise KeyProblem(f"{VARIABLE} and store.encryption_key_file both name a key; keep one of them.")
    if place.startswith(MANAGED) or given.strip().startswith(MANAGED):
        arn = (place or given.strip()).removeprefix(MANAGED)
        return _checked(_from_secrets_manager(arn), f"the secret {arn}")
    if place:
        return _checked(_from_file(Path(place).expanduser()), f"the file {place}")
    return _from_environment(given) if given else None


def in_memory(home: Path) -> Path:
    """A private directory in memory for the frames of an encrypted store's analyses, one for each store."""
    name = sha256(os.fsencode(home.absolute())).hexdigest()[:12]
    return private_directory(private_directory(Path(f"/dev/shm/quarterdeck-{os.getuid()}")) / name)  # noqa: S108


def _checked(secret: str, source: str) -> Key:
    if len(secret) < SHORTEST:
        raise KeyProblem(
            f"The key ({source}) is shorter than {SHORTEST} characters; make one with `openssl rand -base64 32`."
        )
    return Key(secret, source)


def _from_environment(given: str) -> Key:
    """Without the blanks around it, as in a file; one that is long enough only with them stays what it always was."""
    bare = given.strip()
    return Key(bare, VARIABLE, as_given=given) if len(bare) >= SHORTEST else _checked(given, VARIABLE)


def _from_file(path: Path) -> str:
    if not path.is_absolute():
        raise KeyProblem(f"store.encryption_key_file is not a whole path: {path}.")
    try:
        # A FIFO that nobody writes to is opened without waiting, so that it can be seen what it is.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise KeyProblem(f"The key file {path} is no plain file.")
            if found.st_uid not in (os.getuid(), 0) or found.st_mode & 0o077:
                raise KeyProblem(f"The key file {path} may be read by others: chmod 600 it, owned by you.")
            return os.read(descriptor, _LARGEST).decode("utf-8").strip()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyProblem(f"The key file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise KeyProblem(f"The key file {path} is not a text; keep the key in base64.") from None


def _from_secrets_manager(arn: str) -> str:
    """The current value of a secret, with the credentials that the daemon itself finds (profile, instance role)."""
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from backends.aws.coverage import clean

    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "secretsmanager" or not parts[3]:
        raise KeyProblem(f"{arn!r} is not the ARN of a secret: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME.")
    settings = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})
    try:
        client = botocore.session.get_session().create_client("secretsmanager", region_name=parts[3], config=settings)
        answer = client.get_secret_value(SecretId=arn)
    except ClientError as error:
        why = f"AWS answered {error.response.get('Error', {}).get('Code', 'an error')}"
    except BotoCoreError as error:
        why = clean(str(error)).rstrip(". ")
    except EOFError:
        why = "the credentials need an MFA code, which cannot be asked here"
    else:
        return str(answer.get("SecretString", "")).strip()
    raise KeyProblem(f"The store's key cannot be read from {arn}: {why}; {_WHOSE}.")
