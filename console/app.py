"""Opening the console: connect to the daemon and import Textual at the same time, then run the app (desk.py).

The daemon's answers are waited for anyway, and importing Textual takes as long: side by side, the first rows are there
when the first screen is. So nothing here may import Textual at module level.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console import terminal
from console.session import Factory, Session
from console.views import VIEWS

if TYPE_CHECKING:
    from console.desk import QuarterdeckApp

_FIRST_KIND = {
    "clusters": "eks.cluster",
    "fleets": "ec2.instance",
    "spot": "spot.price",
    "iam": "iam.user",
    "networking": "vpc.vpc",
}
"""What each view shows first, so that it can be asked for before the view exists."""


def run(
    factory: Factory,
    *,
    view: str = "",
    write: bool = False,
    banner: str = "",
    on_first_poll: Callable[[], Any] | None = None,
) -> int:
    """Open the console; its exit code. `factory` connects: what it raises is raised here, the screen restored."""
    profile = terminal.detect(os.environ)
    if profile.problem:
        print(f"quarterdeck: {profile.problem}", file=sys.stderr)  # noqa: T201 - narration
        return 2
    gc.disable()  # until the first paint: collecting while modules are imported finds nothing and takes its time
    mode = view if view in VIEWS else "home"
    session = Session(factory, write=write, first_kind=_FIRST_KIND.get(mode, ""))
    return asyncio.run(_open(session, profile, mode, banner, on_first_poll))


async def _open(
    session: Session, profile: terminal.Terminal, mode: str, banner: str, on_first_poll: Callable[[], Any] | None
) -> int:
    connection = asyncio.create_task(session.start())
    await asyncio.to_thread(_import, mode)
    if connection.done():
        await connection  # it can only have failed: its reason is told on a terminal that was never touched
    from console.desk import QuarterdeckApp

    app: QuarterdeckApp = QuarterdeckApp(
        session, profile, mode=mode, banner=banner, first_poll=on_first_poll, connection=connection
    )
    await app.run_async()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def _import(mode: str) -> None:
    """Textual, the app and the first screen."""
    importlib.import_module("console.desk")
    importlib.import_module(f"console.screens.{mode}")
