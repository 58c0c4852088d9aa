"""`python -m backends.daemon.encrypting`: a plain store written anew as an encrypted one, while no daemon has it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from backends.aws.kinds import KINDS
from backends.daemon.configuration import ConfigurationError, read
from backends.daemon.core import STORE_FILE
from backends.daemon.keys import KeyProblem, take_key
from backends.daemon.lifecycle import Election
from backends.store import StoreError, encrypt_file


def main() -> int:
    """0 once the store is encrypted; else a sentence on stderr and the plain store as it was: 2 for a wrong set-up."""
    parser = argparse.ArgumentParser(prog="python -m backends.daemon.encrypting", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the store's own directory")
    os.umask(0o077)
    try:
        before, after = _encrypted(parser.parse_args().home.absolute())
    except (ConfigurationError, KeyProblem, StoreError, OSError) as error:
        print(f"quarterdeck: {error}", file=sys.stderr)  # noqa: T201 - a command of its own
        return 2 if isinstance(error, ConfigurationError | KeyProblem) else 1
    print(f"encrypted: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")  # noqa: T201
    return 0


def _encrypted(home: Path) -> tuple[int, int]:
    path = home / STORE_FILE
    if not path.is_file():
        raise StoreError(f"There is no store in {home} yet; with a key configured it will be made encrypted.")
    key = take_key(read({kind.name: kind for kind in KINDS}).key_place)
    if key is None:
        raise KeyProblem(
            "No key is configured: set store.encryption_key_file in config.toml, or QUARTERDECK_STORE_KEY."
        )
    if Election.win(home) is None:
        raise StoreError(f"A daemon has the store {home}; stop it first with `quarterdeck daemon stop`.")
    before = path.stat().st_size
    encrypt_file(path, key)
    return before, path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
