"""The demo: the simulated AWS, a daemon of its own beside it, and the console on both.

A demo is known by seed and scenario; a second pane joins the one that runs. All of it ends by itself a few seconds
after the last pane: the daemon lingers five seconds, the endpoint lives as long as the daemon's lock is held.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backends.client import (
    Client,
    Context,
    DaemonSpec,
    Json,
    base_home,
    connect,
    ensure,
    find_socket,
    private_directory,
)
from backends.client import answers as daemon_answers
from console import demo_endpoint as endpoint
from console.demo_endpoint import DemoError

LABEL = "SIMULATED AWS"
LINGER = 5.0
PAID_EVERY, BUDGET = 60.0, 1000.0
"""Seconds and USD: the simulated Cost Explorer is free, so costs grow while somebody watches, however long."""
Progress = Callable[[str], None]

_KEPT_FILES = frozenset({"demo.lock", "daemon.lock"})
_CLOSING = 60.0
"""Seconds within which a daemon that answers no more has closed its store."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Which simulated world: the same seed and scenario give the same one, ids included."""

    seed: int = 7
    scenario: str = "spot-storm"

    @property
    def name(self) -> str:
        return f"{self.seed}-{self.scenario}"

    @property
    def home(self) -> Path:
        """Where its store and its AWS configuration are kept while it runs."""
        return base_home() / f"demo-{self.name}"


DEFAULT = Demo()


def spec_of(home: Path, url: str) -> DaemonSpec:
    """The demo's daemon. Only this label, the endpoint and what costs nothing here tell it from any other."""
    return DaemonSpec(home, endpoint=url, label=LABEL, linger=LINGER, paid_every=PAID_EVERY, budget=BUDGET)


async def bring_up(demo: Demo, home: Path, progress: Progress) -> tuple[Client, Json]:
    """Join the demo in `home` or start it → its client, context registered, and the endpoint's announcement.

    A store of an earlier demo that no daemon holds any more is removed first. DemoError, BackendError.
    """
    private_directory(home)
    async with _locked(home / "demo.lock"):
        announcement = endpoint.read_announcement(home)
        if await daemon_answers(find_socket(home)) and announcement:
            if not await endpoint.answers(announcement):
                progress("The simulated AWS was gone; starting it again…")
                announcement = await _again(demo, home, announcement)
        else:
            announcement = await _start(demo, home, progress)
        progress("Signing in to both simulated accounts…")
        context = endpoint.context_of(announcement)
        return await connect(spec_of(home, announcement["endpoint"]), context, wait=False), announcement


async def _again(demo: Demo, home: Path, announcement: Json) -> Json:
    """The simulated AWS where it was: by its seed its world is the same, but for what was done to it by hand."""
    process = endpoint.spawn(demo.seed, demo.scenario, int(announcement["port"]), home, str(announcement["started"]))
    return await endpoint.announced(process, home)


async def keep_alive(demo: Demo, home: Path, announcement: Json, every: float = 5.0) -> None:
    """For as long as a console is open, start the simulated AWS again where it has died, and let it live."""
    while True:
        await asyncio.sleep(every)
        if not await endpoint.gone(announcement):
            continue
        try:
            async with _locked(home / "demo.lock"):
                if await endpoint.gone(announcement):
                    await _again(demo, home, announcement)
        except (DemoError, OSError):
            continue  # the header says that polls fail, and it is tried again
        await start_clock(announcement)


async def _start(demo: Demo, home: Path, progress: Progress) -> Json:
    """A new simulated AWS and a daemon with an empty store."""
    progress("Starting the simulated AWS and the daemon…")
    try:
        # A daemon that answers no more may still be closing its store: what it holds is not to be removed.
        async with asyncio.timeout(_CLOSING) as closing, _locked(home / "daemon.lock"):
            closing.reschedule(None)
            await endpoint.end(endpoint.read_announcement(home))
            _clear(home)
    except TimeoutError:
        raise DemoError(
            f"The daemon of an earlier demo has not ended within {_CLOSING:g} s; its lock is in {home}."
        ) from None
    return await start_both(demo, home)


async def start_both(demo: Demo, home: Path) -> Json:
    """The simulated AWS and its daemon, started side by side → the endpoint's announcement."""
    port = endpoint.free_port()
    url = f"http://127.0.0.1:{port}"
    process = endpoint.spawn(demo.seed, demo.scenario, port, home)
    announcing = asyncio.ensure_future(endpoint.announced(process, home))
    starting = asyncio.ensure_future(ensure(spec_of(home, url)))
    try:
        await asyncio.gather(announcing, starting)
        await _import_advisor(home, announcing.result())
    except BaseException:
        announcing.cancel()
        starting.cancel()
        process.terminate()
        raise
    return announcing.result()


async def _import_advisor(home: Path, announcement: Json) -> None:
    """Take in the made-up Spot advisor as somebody would the real one: no API tells it."""
    files = announcement["spot_advisor"]
    with tempfile.TemporaryDirectory(prefix="import-", dir=private_directory(home / "work")) as folder:
        command = [sys.executable, "-P", "-m", "backends.aws.spot_advisor_file", "--out", folder, *files]
        reader = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        if await reader.wait():
            raise DemoError("The simulated Spot advisor cannot be read.")
        async with Client(spec_of(home, announcement["endpoint"])) as client:
            await client.import_points("spot_advisor", folder)


def _clear(home: Path) -> None:
    """Remove what an earlier demo left in its own directory; no daemon holds it, since its lock is ours."""
    for path in sorted(home.rglob("*"), reverse=True):
        if path.name in _KEPT_FILES:
            continue
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


@asynccontextmanager
async def _locked(file: Path) -> AsyncIterator[None]:
    """Of two panes that start the same demo at once, one starts it, the other waits and joins."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield
    finally:
        os.close(handle)


async def start_clock(announcement: Json) -> None:
    """Let the simulated world live; quiet where it has ended already."""
    try:
        await endpoint.control(int(announcement["port"]), "clock", {"running": True, "catch_up": True})
    except (OSError, ValueError, TimeoutError):
        return


def open_console(demo: Demo = DEFAULT, *, write: bool = False, view: str = "") -> int:
    """Open the console on the demo and return its exit code. The frame is painted before anything has started.

    The simulated clock stands still until the first poll is complete, so that what is polled is one moment.
    """
    from console.app import run

    announced: list[Json] = []
    living: list[asyncio.Task[None]] = []

    async def factory(progress: Progress) -> Client:
        client, announcement = await bring_up(demo, demo.home, progress)
        announced.append(announcement)
        return client

    def live() -> None:
        loop = asyncio.get_running_loop()
        living.append(loop.create_task(start_clock(announced[-1])))
        living.append(loop.create_task(keep_alive(demo, demo.home, announced[-1])))

    return run(factory, view=view, write=write, banner=LABEL, on_first_poll=live)


def running_demo(name: str = "") -> tuple[DaemonSpec, Context]:
    """The daemon and the context of the demo of that name, or of the only one that runs. DemoError."""
    homes = asyncio.run(_running(name))
    if not homes:
        which = f"No demo {name!r} is running" if name else "No demo is running"
        raise DemoError(f"{which}; start one in another terminal with `quarterdeck demo`.")
    if len(homes) > 1:
        names = ", ".join(sorted(home.name.removeprefix("demo-") for home in homes))
        raise DemoError(f"Several demos are running ({names}); say which, as QUARTERDECK_DEMO=NAME.")
    announcement = endpoint.read_announcement(homes[0])
    return spec_of(homes[0], announcement["endpoint"]), endpoint.context_of(announcement)


async def _running(name: str) -> list[Path]:
    """The homes of running demos whose daemon and endpoint were announced."""
    found = []
    for home in sorted(base_home().glob(f"demo-{name or '*'}")):
        if endpoint.read_announcement(home) and await daemon_answers(find_socket(home)):
            found.append(home)
    return found
