"""`python -m backends.daemon`: the only process that opens the store. Clients start it; see backends/launch.py."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from backends.context import ContextError, normal_endpoint, private_directory, socket_path
from backends.daemon.cadence import PAID_SECONDS, PER_DAY
from backends.daemon.lifecycle import Door, Election, StartProblem, announce, report_problem, withdraw
from backends.daemon.logs import configure
from backends.frugal import without_pandas
from backends.launch import LOG_FILE
from backends.version import VERSION

log = logging.getLogger("backends.daemon")


def main() -> int:
    """0 after serving, or where another daemon serves already; 1 with the reason in `daemon.problem`."""
    arguments = _parser().parse_args()
    os.umask(0o077)
    try:
        home = private_directory(arguments.home.absolute())
        endpoint = normal_endpoint(arguments.endpoint)
    except (ContextError, OSError) as error:
        print(f"quarterdeck: {error}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return 1
    election = Election.win(home)
    if election is None:
        return 0
    without_pandas()
    configure(None if arguments.foreground else home / LOG_FILE)
    try:
        asyncio.run(_serve(arguments, endpoint, election))
    except (StartProblem, ContextError) as error:
        problem = error if isinstance(error, StartProblem) else StartProblem("home", str(error))
    except Exception as error:
        log.exception("The daemon failed")
        problem = StartProblem("daemon", f"The daemon failed ({type(error).__name__}); see {home / LOG_FILE}.")
    else:
        return 0
    log.error("%s", problem.message)
    report_problem(home, problem)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backends.daemon", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the store's own directory")
    parser.add_argument("--partition", default="aws", help="the AWS partition that the store belongs to")
    parser.add_argument("--endpoint", default="", help="the custom endpoint that the store belongs to")
    parser.add_argument("--label", default="", help="shown in front of everything that comes from this store")
    parser.add_argument("--linger", type=float, default=600.0, help="seconds after the last client; negative: for ever")
    paid = "seconds between two polls of what AWS asks money for, such as costs"
    parser.add_argument("--paid-every", type=float, default=PAID_SECONDS, help=paid)
    budget = "USD that polls may cost in an account in a day: what would cost more is not asked"
    parser.add_argument("--budget", type=float, default=PER_DAY, help=budget)
    parser.add_argument("--foreground", action="store_true", help="log to stderr instead of daemon.log")
    return parser


async def _serve(arguments: argparse.Namespace, endpoint: str, election: Election) -> None:
    # Imported only now: a daemon that lost the election should cost nothing.
    from backends.aws.kinds import KINDS
    from backends.daemon.api import build
    from backends.daemon.core import Daemon, Settings
    from backends.daemon.serving import Server

    home = election.home
    settings = Settings(
        home,
        arguments.partition,
        endpoint,
        arguments.label,
        arguments.linger,
        arguments.paid_every,
        arguments.budget,
    )
    daemon = await Daemon.open(settings, KINDS)
    door = Door(socket_path(home))
    try:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, daemon.stop)
        daemon.server = Server(build(daemon))
        serving = asyncio.create_task(daemon.server.serve(sockets=[door.bind()]))
        facts = {"partition": settings.partition, "endpoint": endpoint, "label": settings.label}
        announce(home, {"version": VERSION, "socket": str(door.path), "arguments": sys.argv[1:], **facts})
        daemon.start()
        # What was made until now stays; looking through it again would hold up the loop for tens of milliseconds.
        gc.freeze()
        log.info("Serving %s on %s.", home, door.path)
        keeping = asyncio.create_task(daemon.keep_house(election, door))
        await asyncio.wait([serving, keeping], return_when=asyncio.FIRST_COMPLETED)
        daemon.stop()
        await keeping
        door.remove()
        await daemon.drain()
        await serving
    finally:
        await daemon.close()
        door.remove()
        withdraw(home)
    log.info("The daemon has stopped.")


if __name__ == "__main__":
    sys.exit(main())
