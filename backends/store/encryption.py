"""Encryption of the store's file by DuckDB itself (AES-256-GCM): file, write-ahead log and what is spilled to disk.

DuckDB 1.5 writes encrypted files only with the crypto of its httpfs extension, which comes as a wheel for exactly this
version. Its other, insecure mode is never asked for: without the extension there is no encrypted store.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import duckdb

from backends.store.errors import StoreError, first_line
from backends.store.sqltext import literal

CATALOG = "store"
"""The name of an encrypted store among the databases of its connection; a plain one is the connection's own."""
_HEADER = 28
_MAGIC = b"DUCK"


class WrongKey(StoreError):
    """The key is not the store's, or one is missing, or there is one too many."""


class NoEncryption(StoreError):
    """Encryption is asked for and cannot be had here."""


class Key:
    """A secret that never shows itself: not in logs, tracebacks or messages."""

    __slots__ = ("_as_given", "_secret", "source")

    def __init__(self, secret: str, source: str, as_given: str = "") -> None:
        self._secret = secret
        self._as_given = as_given
        self.source = source
        """Where it comes from, in words for the operator."""

    def reveal(self) -> str:
        """The secret itself, for DuckDB alone."""
        return self._secret

    def openers(self) -> list[str]:
        """What may open a store that there is: the secret, and as it was given with blanks around it, which early
        stores were encrypted with."""
        return list(dict.fromkeys(filter(None, (self._secret, self._as_given))))

    def __repr__(self) -> str:
        return f"Key(from {self.source})"


def is_encrypted(path: Path) -> bool | None:
    """Whether a DuckDB file is encrypted, as its header says; None where there is no file, or none of DuckDB's."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"The store {path} cannot be read: {error.strerror}.") from error
    if len(header) < _HEADER or header[8:12] != _MAGIC:
        return None
    return bool(header[20] & 1)


def check_key(path: Path, key: Key | None) -> None:
    """WrongKey where a plain store meets a key, or an encrypted one none."""
    encrypted = is_encrypted(path)
    if key is not None and encrypted is False:
        raise WrongKey(
            f"The store {path} is not encrypted, but a key is configured ({key.source}): encrypt it with "
            "`quarterdeck daemon encrypt`, or take the key out of the configuration."
        )
    if key is None and encrypted:
        raise WrongKey(
            f"The store {path} is encrypted and no key is configured: set store.encryption_key_file in config.toml, or "
            "QUARTERDECK_STORE_KEY."
        )


def extension() -> Path:
    """DuckDB's httpfs extension, as its wheel brings it; NoEncryption where it is not installed."""
    found = find_spec("duckdb_extension_httpfs")
    for place in (found.submodule_search_locations or ()) if found else ():
        for file in Path(place).glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"):
            return file
    raise NoEncryption(
        f"An encrypted store needs DuckDB's httpfs extension for {duckdb.__version__}, which is not installed: "
        "pip install 'quarterdeck[encryption]'. Nothing was written."
    )


def load_crypto(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes a connection able to write encrypted files, and encrypt what it spills; NoEncryption where it cannot."""
    file = extension()
    try:
        connection.execute(f"LOAD {literal(os.fspath(file))}")
        connection.execute("SET temp_file_encryption = true")
    except duckdb.Error as error:
        raise NoEncryption(f"DuckDB's httpfs extension {file} cannot be loaded: {first_line(error)}") from error


def attach(connection: duckdb.DuckDBPyConnection, path: Path, key: Key, *, read_only: bool = False) -> None:
    """Opens or creates the encrypted file as the connection's database. WrongKey; other errors are DuckDB's own."""
    load_crypto(connection)
    for secret in key.openers():
        if _attached(connection, path, secret, read_only):
            connection.execute(f"USE {CATALOG}")
            return
    raise WrongKey(f"The key ({key.source}) is not the one that the store {path} is encrypted with.")


def _attached(connection: duckdb.DuckDBPyConnection, path: Path, secret: str, read_only: bool) -> bool:
    """Whether that secret opens the file, or has made it."""
    # Bound, so that the key is in no statement that anybody could log.
    how = "ENCRYPTION_KEY $1, READ_ONLY" if read_only else "ENCRYPTION_KEY $1"
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {CATALOG} ({how})", [secret])
    except duckdb.InvalidInputException as error:
        if "encryption key" not in str(error):
            raise
        return False
    return True
