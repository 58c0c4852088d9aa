"""How late the event loops of pane and daemon are while everything polls and forecasts, against the same loops idle.

A ticker sleeps 10 ms at a time and notes how much longer it slept. The daemon counts so itself (`status`); the pane
here is the real app on a terminal of 180×50 that only exists in memory, on the fleet screen, with its own ticker.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.figures import Figure
from benchmarks.world import World, world

IDLE_SECONDS = 15.0
STEP = 0.01
MORE = 10.0


def run() -> list[Figure]:
    with world("--speed", "60", running=True) as here:
        with here.connect() as client:
            client.poll(wait=True)
            client.analyze(wait=True)
            client.polling(paused=True)
        idle, busy = _pane(here)
        with here.connect() as client:
            daemon = client.status()["loop"]
    rest = _p99(asyncio.run(_ticker(IDLE_SECONDS)))
    pane_detail = f"idle {idle['p99']:.1f}, working max {busy['max']:.0f} ms, {busy['samples']} samples"
    daemon_detail = f"idle {rest:.1f}, working max {daemon['max']:.0f} ms"
    return [
        Figure("pane: loop stall p99, working", busy["p99"], "ms", idle["p99"] + MORE, "pane idle + 10", pane_detail),
        Figure("daemon: loop stall p99, working", daemon["p99"], "ms", rest + MORE, "idle loop + 10", daemon_detail),
    ]


def _pane(here: World) -> tuple[dict[str, Any], dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stalls"], env=here.environment, capture_output=True, text=True, check=True
    )
    idle, busy = json.loads(done.stdout.splitlines()[-1])
    return idle, busy


async def _ticker(seconds: float) -> list[float]:
    """Milliseconds overslept, tick by tick."""
    late, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        await asyncio.sleep(STEP)
        late.append(max(0.0, (time.perf_counter() - began - STEP) * 1000))
    return late


def _p99(late: list[float]) -> float:
    return sorted(late)[len(late) * 99 // 100]


def _summary(late: list[float]) -> dict[str, Any]:
    return {"p99": _p99(late), "max": max(late), "samples": len(late)}


async def _measured_pane() -> None:
    """The fleet screen, first with polling paused, then while all is polled and forecast again."""
    from backends.client import DaemonSpec, connect, gather
    from console import terminal
    from console.desk import QuarterdeckApp
    from console.session import Session

    context = gather()
    spec = DaemonSpec.of(context)
    session = Session(lambda _progress: connect(spec, context), first_kind="ec2.instance")
    profile = terminal.detect({"TERM": "xterm-256color", "COLORTERM": "truecolor"})
    connection = asyncio.create_task(session.start())
    app: Any = QuarterdeckApp(session, profile, mode="fleets", banner="", first_poll=None, connection=connection)
    shown = asyncio.create_task(app.run_async(headless=True, size=(180, 50)))
    await asyncio.sleep(8)
    idle = await _ticker(IDLE_SECONDS)
    async with await connect(spec, context) as client:
        await client.polling(paused=False)
        work = asyncio.create_task(_everything(client))
        busy: list[float] = []
        while not work.done():
            busy += await _ticker(1.0)
        await work
    app.exit()
    await shown
    print(json.dumps([_summary(idle), _summary(busy)]))


async def _everything(client: Any) -> None:
    for _ in range(4):
        await asyncio.gather(client.poll(wait=True), client.analyze(wait=True))


if __name__ == "__main__":
    asyncio.run(_measured_pane())
