"""The store's lanes: one thread that writes, a few that read for whoever waits, one that reads for the analyses.

The event loop only waits. Writing and the analyses' reading give way to whoever waits. A reader whose answer nobody
wants any more (the client hung up, a newer keystroke came) is interrupted inside DuckDB, as often as it takes, and goes
back to work within milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from backends.niceness import NICENESS
from backends.store import NO_ROOM, Reader, Store, StoreBroken, StoreBusy, StoreFull, StoreInterrupted, swap

log = logging.getLogger(__name__)

T = TypeVar("T")
_READERS = 3
_SLOW_SECONDS = 2.0
"""A write, or a read for somebody who waits, that takes as long is a line of the log."""
_TRY_SECONDS = 10.0
"""How often it is tried whether there is room again."""
_INTERRUPT_SECONDS = 0.02
"""How often a read that is to end is interrupted until it has."""


def _yield_to_others() -> None:
    """Let event loops and readers go first: on Linux a thread has a priority of its own, and so have the threads that
    DuckDB starts from this one when it opens the store. Without it a pane's loop waits three times as long for a turn.
    """
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


@contextmanager
def _told_if_slow(what: str, work: Callable[..., Any]) -> Iterator[None]:
    """In a lane's thread: a line of the log where a piece of work holds it for seconds, however it ends."""
    began = time.monotonic()
    try:
        yield
    finally:
        if (took := time.monotonic() - began) >= _SLOW_SECONDS:
            log.warning("A %s of the store took %.1f s: %s", what, took, getattr(work, "__qualname__", repr(work)))


async def _to_its_end(work: asyncio.Future[T]) -> T:
    """What work in a thread comes to; cancelled, only once it has ended: what it needs for itself is kept till then."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not work.cancelled():
            work.exception()
        raise asyncio.CancelledError
    return work.result()


class Lanes:
    """The open store, as the event loop may use it. Make one with `await Lanes.open(opener)`."""

    def __init__(self, opener: Callable[[], Store], reading: Callable[[], Store] | None = None) -> None:
        self._opener = opener
        self._reading = reading
        self._only_read = False
        self._tried = 0.0
        self.problem = ""
        """Why nothing can be written, in one sentence; "" while it can."""
        self.told: Callable[[], None] = lambda: None
        """Called in the event loop whenever `problem` has changed."""
        self._writer = ThreadPoolExecutor(1, "store-writer", initializer=_yield_to_others)
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._background = ThreadPoolExecutor(1, "store-background", initializer=_yield_to_others)
        self._turns = asyncio.Semaphore(_READERS)
        self._behind = asyncio.Semaphore(1)
        self._all_turns = [self._behind, *[self._turns] * _READERS]
        self._idle: list[tuple[int, Reader]] = []
        self._at_work: dict[asyncio.Future[Any], Reader] = {}
        self._closing = False
        self._opening = 0
        self._store: Store | None = None
        self._gate = asyncio.Lock()

    @classmethod
    async def open(cls, opener: Callable[[], Store], reading: Callable[[], Store] | None = None) -> Lanes:
        """Open the store in the writer's thread; StoreError with its sentence where that cannot be.

        `reading` opens it only to read: what is done while there is no room to write.
        """
        lanes = cls(opener, reading)
        try:
            await asyncio.get_running_loop().run_in_executor(lanes._writer, lanes._open)
        except BaseException:
            lanes._writer.shutdown(wait=False)
            lanes._readers.shutdown(wait=False)
            lanes._background.shutdown(wait=False)
            raise
        return lanes

    @property
    def store(self) -> Store:
        assert self._store is not None, "the store is closed"
        return self._store

    async def write(self, work: Callable[[Store], T]) -> T:
        """Run `work` in the writer's thread, after all that was asked before. It ends even if we are cancelled."""
        return await self._written(lambda: asyncio.shield(self._in_writer(work)))

    async def write_alone(self, work: Callable[[Store], T], seconds: float) -> T:
        """Like `write`, while nobody reads: reads that come meanwhile wait until it is done.

        StoreBusy where one that is under way takes longer than `seconds` to end.
        """

        async def alone() -> T:
            async with self._gate:
                try:
                    async with asyncio.timeout(seconds):
                        await self._hold_readers()
                except TimeoutError:
                    raise StoreBusy(f"A read of the store has not ended within {seconds:g} s; try again.") from None
                try:
                    return await _to_its_end(self._in_writer(work))
                finally:
                    self._free_readers()

        return await self._written(alone)

    async def _written(self, work: Callable[[], Awaitable[T]]) -> T:
        if self._only_read:
            await self._write_again()
        opening = self._opening
        try:
            done = await work()
        except StoreBroken as error:
            if error.full:
                self._tell(f"Nothing can be written: {NO_ROOM}")
            await self._reopen(opening)
            raise
        except StoreFull as error:
            self._tell(str(error))
            raise
        self._tell("")
        return done

    def _tell(self, problem: str) -> None:
        if problem and self.problem:
            # One sentence for as long as it lasts, not another for every write that fails.
            return
        if problem != self.problem:
            self.problem = problem
            if problem:
                log.error("%s", problem)
            else:
                log.warning("There is room again; the store is written.")
            self.told()

    def _open(self) -> None:
        """In the writer's thread: the store, only to be read where there is no room to write."""
        try:
            self._store, self._only_read = self._opener(), False
        except StoreFull as error:
            if self._reading is None:
                raise
            self._store, self._only_read = self._reading(), True
            self.problem = self.problem or str(error)

    async def _write_again(self) -> None:
        """Open the store to write, now that there may be room; StoreFull while there is none."""
        now = asyncio.get_running_loop().time()
        if now - self._tried >= _TRY_SECONDS:
            self._tried = now
            await self._reopen(self._opening)
        if self._only_read:
            raise StoreFull(self.problem)

    def _in_writer(self, work: Callable[[Store], T]) -> asyncio.Future[T]:
        def timed() -> T:
            with _told_if_slow("write", work):
                return work(self.store)

        return asyncio.get_running_loop().run_in_executor(self._writer, timed)

    async def read(self, work: Callable[[Reader], T], seconds: float | None = None) -> T:
        """Run `work` in a reader's thread; cancelled, or after `seconds` (TimeoutError), it is interrupted."""

        def timed(reader: Reader) -> T:
            with _told_if_slow("read", work):
                return work(reader)

        return await self._healed(self._turns, self._readers, timed, seconds)

    async def read_behind(self, work: Callable[[Reader], T]) -> T:
        """Like `read`, for what nobody waits for: it takes no reader's turn and gives way to all of them."""
        return await self._healed(self._behind, self._background, work, None)

    async def _healed(
        self, turns: asyncio.Semaphore, threads: ThreadPoolExecutor, work: Callable[[Reader], T], seconds: float | None
    ) -> T:
        """A read in its turn; where it found the store broken, the store is opened again once nobody reads."""
        opening = self._opening
        try:
            async with turns:
                return await self._read(threads, work, seconds)
        except StoreBroken:
            await self._reopen(opening)
            raise

    async def _read(self, threads: ThreadPoolExecutor, work: Callable[[Reader], T], seconds: float | None) -> T:
        self._refuse_when_closing()
        opening, reader = await self._take()
        self._refuse_when_closing()
        reading = asyncio.wrap_future(threads.submit(work, reader))
        self._at_work[reading] = reader
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(reading)
        except (asyncio.CancelledError, TimeoutError):
            await self._end(reading)
            raise
        finally:
            del self._at_work[reading]
            if opening == self._opening:
                self._idle.append((opening, reader))

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise StoreInterrupted("The store is being closed.")

    async def _end(self, reading: asyncio.Future[Any]) -> None:
        """Interrupt a read until it has ended: DuckDB forgets one that comes before a statement or between two."""
        cancelled = False
        while not reading.done():
            self._at_work[reading].interrupt()
            try:
                await asyncio.wait([reading], timeout=_INTERRUPT_SECONDS)
            except asyncio.CancelledError:
                # Not before it has ended: its reader and its turn are for the next one.
                cancelled = True
        if not reading.cancelled():
            reading.exception()
        if cancelled:
            raise asyncio.CancelledError

    async def _take(self) -> tuple[int, Reader]:
        while self._idle:
            opening, reader = self._idle.pop()
            if opening == self._opening:
                return opening, reader
        opening = self._opening
        making = asyncio.get_running_loop().run_in_executor(self._readers, self.store.reader)
        return opening, await _to_its_end(making)

    async def _reopen(self, broken: int) -> None:
        """DuckDB gave the open database up (a full disk): what was committed is in the file, so open it again."""
        async with self._gate:
            if broken != self._opening:
                return
            log.warning("The store is opened again.")
            before = self.problem

            def again(store: Store) -> None:
                store.close()
                self._open()

            # A reader that is left over would keep the broken database alive: it is the same for one file.
            async with self._no_reader():
                self._opening += 1
                while self._idle:
                    self._idle.pop()[1].close()
                await _to_its_end(self._in_writer(again))
            if self.problem != before:
                self.told()

    async def rewrite(self) -> bool:
        """Write the file anew, without its empty room, and go on with that; StoreError where the old one has to stay.

        False where the new one would not be smaller, and the old one stays. Reads go on while it is written and wait
        while the files change places; writes wait for all of it. Whenever the process dies, the file that is there is
        whole.
        """
        loop = asyncio.get_running_loop()
        written, quiet, given_up = asyncio.Event(), threading.Event(), threading.Event()

        def anew(store: Store) -> bool:
            store.checkpoint()
            made = store.write_anew()
            try:
                if made.stat().st_size >= store.size:
                    return False
                loop.call_soon_threadsafe(written.set)
                quiet.wait()
                if given_up.is_set():
                    return False
                self._exchange(store, made)
                return True
            finally:
                made.unlink(missing_ok=True)

        async with self._gate:
            work = asyncio.ensure_future(self._in_writer(anew))
            waiting = asyncio.ensure_future(written.wait())
            either: list[asyncio.Future[Any]] = [work, waiting]
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    return work.result()
                async with self._no_reader():
                    while self._idle:
                        self._idle.pop()[1].close()
                    quiet.set()
                    return await _to_its_end(work)
            except BaseException:
                given_up.set()
                raise
            finally:
                quiet.set()
                waiting.cancel()

    def _exchange(self, store: Store, made: Path) -> None:
        """In the writer's thread, while nobody reads: the new file in place of the old one, and open."""
        store.close()
        try:
            swap(made, store.path)
        finally:
            self._open()
            self._opening += 1

    @asynccontextmanager
    async def _no_reader(self) -> AsyncIterator[None]:
        """While nobody reads: those at work have ended, others wait."""
        await self._hold_readers()
        try:
            yield
        finally:
            self._free_readers()

    async def _hold_readers(self) -> None:
        for number, turn in enumerate(self._all_turns):
            try:
                await turn.acquire()
            except BaseException:
                for taken in self._all_turns[:number]:
                    taken.release()
                raise

    def _free_readers(self) -> None:
        for turn in self._all_turns:
            turn.release()

    async def close(self) -> None:
        """Finish what is being written, stop what is being read, close the file whole."""
        self._closing = True
        await asyncio.gather(*map(self._end, self._at_work))
        loop = asyncio.get_running_loop()
        for threads in (self._readers, self._background):
            await loop.run_in_executor(None, partial(threads.shutdown, wait=True, cancel_futures=True))

        def whole(store: Store) -> None:
            try:
                store.checkpoint()
            finally:
                store.close()

        try:
            await self._in_writer(whole)
        except Exception:
            log.exception("Closing the store")
        self._store = None
        self._writer.shutdown(wait=True)
