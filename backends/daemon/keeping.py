"""Keeping the store's file: a backup of it while polls go on, and writing it anew without its empty room."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from backends.daemon.lanes import Lanes
from backends.daemon.writes import ANCHOR_FILE
from backends.model import Json
from backends.store import Retention, Store, StoreBusy, StoreError, check_target, copy_bytes, place, utcnow

_PATIENCE = 30.0
"""Seconds within which the reads that are under way have to end before a backup is made."""


async def backup(lanes: Lanes, home: Path, file: Path, *, force: bool) -> Json:
    """Everything that is in the store at one instant, as a store of its own → {"file", "bytes", "anchor", "seconds"}.

    Beside it goes FILE.anchor with the heads of the audit's chain, where there are any. Writers wait while the bytes
    are copied within the store's own file system. Reads that are in the way end first, and others
    wait. StoreError says why there is no backup.
    """
    anchor = file.with_name(f"{file.name}.anchor")
    work, name = lanes.store.work, f"backup-{secrets.token_hex(6)}"
    store_copy, anchor_copy = work / f"{name}.duckdb", work / f"{name}.anchor"

    def copy(store: Store) -> tuple[int, bool, float]:
        began = time.perf_counter()
        size = store.copy_to(store_copy)
        # Records reach the anchor after the store: with no writer meanwhile it is not ahead of what was copied.
        return size, _copied(home / ANCHOR_FILE, anchor_copy), time.perf_counter() - began

    try:
        for target in (file, anchor):
            await asyncio.to_thread(check_target, target, home, force=force)
        try:
            size, anchored, held = await lanes.write(copy)
        except StoreBusy:
            # Panes read again and again: between two reads of one there is mostly a read of another.
            size, anchored, held = await lanes.write_alone(copy, _PATIENCE)
        await asyncio.to_thread(place, store_copy, file, force=force)
        if anchored:
            await asyncio.to_thread(place, anchor_copy, anchor, force=force)
    finally:
        store_copy.unlink(missing_ok=True)
        anchor_copy.unlink(missing_ok=True)
    return {"file": str(file), "bytes": size, "anchor": str(anchor) if anchored else None, "seconds": round(held, 3)}


def _copied(source: Path, target: Path) -> bool:
    if not source.exists():
        return False
    try:
        copy_bytes(source, target)
    except OSError as error:
        raise StoreError(f"{source} cannot be copied: {error.strerror or error}.") from error
    return True


def forget_backups(work: Path) -> None:
    """Removes what a daemon that died in the middle of a backup left in the store's work directory."""
    for left in work.glob("backup-*"):
        left.unlink()


async def compact(lanes: Lanes, held: AbstractAsyncContextManager[None], retention: Retention) -> Json:
    """The file without its empty room → {"before", "after", "exchanged", "seconds"}: bytes, and how long polls waited.

    What is not kept any longer goes first. Where the new file would not be smaller, it is not exchanged. `held` lets no
    sweep be under way meanwhile: the store is opened again, and forgets those that are.
    """
    began = asyncio.get_running_loop().time()

    def tidied(store: Store) -> int:
        # In its log what is stored takes less room than in the file.
        store.checkpoint()
        size = store.size
        store.prune(utcnow(), retention)
        return size

    async with held:
        before = await lanes.write(tidied)
        exchanged = await lanes.rewrite()
    return {
        "before": before,
        "after": lanes.store.size,
        "exchanged": exchanged,
        "seconds": round(asyncio.get_running_loop().time() - began, 3),
    }
