"""The process: `python -m backends.simulated`. One JSON line on stdout says where it answers, nothing else."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import signal
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

from backends.niceness import stand_back
from backends.simulated.clock import Clock
from backends.simulated.scenarios import SCENARIOS

_BEAT = 0.2
_SERVICES = ("sts", "ec2", "autoscaling", "eks", "elbv2", "iam", "cloudwatch", "ce", "service-quotas", "savingsplans")


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m backends.simulated", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind; keep it on loopback")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="what the cloud holds and how it lives follows from it")
    parser.add_argument("--scenario", default="spot-storm", choices=sorted(SCENARIOS))
    parser.add_argument("--state", type=Path, help="directory for the AWS configuration files; default a temporary one")
    parser.add_argument("--announce", type=Path, help="file that gets the announcement too")
    parser.add_argument("--while-locked", type=Path, metavar="FILE", help="exit when nobody holds a flock on it")
    parser.add_argument("--linger", type=float, default=5.0, help="seconds to stay after the last holder")
    parser.add_argument("--hold-clock", action="store_true", help="stand still until POST /_simulated/clock")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    again = "when an earlier process of this world began: it is lived through again up to now"
    parser.add_argument("--start", type=datetime.fromisoformat, help=again)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serve until a signal or until nobody holds the lock; the exit code."""
    options = _arguments(argv)
    if options.speed <= 0:
        print("--speed must be a positive number of simulated seconds per second", file=sys.stderr)  # noqa: T201
        return 2
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    # Real AWS takes none of the operator's processor; the simulated one gives way to the console on it.
    stand_back()
    stopping = Event()
    stop_at_signals(stopping)
    own = options.state is None
    state = Path(tempfile.mkdtemp(prefix="quarterdeck-simulated-")) if own else options.state
    try:
        return _serve(options, state.resolve(), stopping)
    finally:
        if own:
            shutil.rmtree(state, ignore_errors=True)


def stop_at_signals(stopping: Event) -> None:
    """Set the event when a signal asks us to end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # In a thread: the handler runs amid whatever the main thread does, which may have the event's lock just then.
        signal.signal(number, lambda *_: Thread(target=stopping.set).start())


def _serve(options: argparse.Namespace, state: Path, stopping: Event) -> int:
    clock = Clock(options.start, options.speed)
    server, simulation = _build(options, clock)
    if options.start is not None:
        simulation.step(max(0, int((datetime.now(UTC) - clock.start).total_seconds() // 60)))
    endpoint = f"http://{options.host}:{server.server_port}"
    from backends.simulated import advisor, config_files

    environment = config_files.write(state, endpoint, simulation.credentials)
    told = config_files.announcement(
        endpoint, server.server_port, options.seed, options.scenario, clock.start, state, environment
    )
    told["spot_advisor"] = [str(path) for path in advisor.write(state, options.seed, clock.start)]
    server.stopping = stopping
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    Thread(target=_live, args=(simulation, stopping), daemon=True).start()
    Thread(target=_warm, daemon=True).start()
    if not options.hold_clock:
        clock.set(running=True, catch_up=True)
    if options.announce:
        config_files.write_atomically(options.announce, json.dumps(told) + "\n")
    print(json.dumps(told), flush=True)  # noqa: T201
    _wait(options, stopping)
    stopping.set()
    server.shutdown()
    server.server_close()
    return 0


def _build(options: argparse.Namespace, clock: Clock) -> tuple[Any, Any]:
    """Import moto late: `--help` and mistakes in the arguments should not cost two seconds."""
    from backends.simulated import moto_setup

    moto_setup.prepare(clock)
    from backends.simulated.overlay import Overlay
    from backends.simulated.server import Server
    from backends.simulated.simulation import assemble

    simulation = assemble(clock, options.seed, options.scenario)
    try:
        server = Server(options.host, options.port, Overlay(simulation))
    except OSError as problem:
        raise SystemExit(f"cannot listen on {options.host}:{options.port}: {problem.strerror}") from problem
    return server, simulation


def _live(simulation: Any, stopping: Event) -> None:
    """Let the world keep up with the clock, a few minutes at a time so that answers are never long in coming."""
    while not stopping.wait(_BEAT):
        for _ in range(200):
            with simulation.lock:
                if not simulation.world.catch_up(limit=1):
                    break


def _warm() -> None:
    """Read the service models while the first client is still starting: the first answers wait for them otherwise."""
    from moto.core.utils import get_service_model

    for service in _SERVICES:
        get_service_model(service)


def _wait(options: argparse.Namespace, stopping: Event) -> None:
    if options.while_locked is None:
        stopping.wait()
        return
    from backends.simulated.linger import wait_until_alone

    wait_until_alone(options.while_locked, options.linger, stopping)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
