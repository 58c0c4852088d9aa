"""The store, the only room with SQL: history, as-of reads, coverage, series, results and audit in one file."""

from backends.store.copies import check_target, copy_bytes, place, swap
from backends.store.coverage import Amiss
from backends.store.encryption import Key, NoEncryption, WrongKey, extension
from backends.store.errors import (
    NO_ROOM,
    NotFound,
    QueryRefused,
    SchemaTooNew,
    StoreBroken,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreInterrupted,
    StoreLocked,
    SweepLost,
    WrongStore,
)
from backends.store.filters import FilterError, quote
from backends.store.instants import iso, parse_instant, utcnow
from backends.store.reading import Reader
from backends.store.results import Run
from backends.store.retention import Retention
from backends.store.store import Store, encrypt_file
from backends.store.sweeps import Finished, Ingested
from backends.store.views import Query

__all__ = [
    "NO_ROOM",
    "Amiss",
    "FilterError",
    "Finished",
    "Ingested",
    "Key",
    "NoEncryption",
    "NotFound",
    "Query",
    "QueryRefused",
    "Reader",
    "Retention",
    "Run",
    "SchemaTooNew",
    "Store",
    "StoreBroken",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "StoreInterrupted",
    "StoreLocked",
    "SweepLost",
    "WrongKey",
    "WrongStore",
    "check_target",
    "copy_bytes",
    "encrypt_file",
    "extension",
    "iso",
    "parse_instant",
    "place",
    "quote",
    "swap",
    "utcnow",
]
