"""What the daemon asks of a collector process, and the one place that starts one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backends.context import Context
from backends.model import Account, Json

if TYPE_CHECKING:
    from backends.aws.tasks import Death, Page, SweepEnd, SweepTask


class Collector(Protocol):
    """A running collector process, the driver of backends/aws."""

    @property
    def alive(self) -> bool: ...

    @property
    def pid(self) -> int: ...

    @property
    def death(self) -> Death | None: ...

    async def identify(self) -> list[Account]: ...

    def sweep(self, task: SweepTask) -> AsyncIterator[Page | SweepEnd]: ...

    async def call(self, account: str, region: str, service: str, operation: str, parameters: Json) -> Json: ...

    async def close(self) -> None: ...


async def start_collector(context: Context, log: Path, counted: Callable[[str, list[Json]], None]) -> Collector:
    """Spawn a collector for this context, its narration going to `log`; `counted` hears what it asked of AWS."""
    from backends.aws.process import Collector as Process

    return await Process.start(context, log, counted)


@asynccontextmanager
async def closing(stream: AsyncIterator[Page | SweepEnd]) -> AsyncIterator[AsyncIterator[Page | SweepEnd]]:
    """A sweep's stream; left early, it is closed, which cancels the sweep."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
