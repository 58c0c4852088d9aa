"""Where StatsForecast fits the challengers: in this process, or on Dask or Ray through its own Fugue backend."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

ENGINES = ("local", "dask", "ray")
WAIT = "10s"
"""How long a Dask scheduler may take to answer."""
_SPAWN = "distributed.nanny.pre-spawn-environ"
_QUIET = "ignore::FutureWarning"


class EngineError(Exception):
    """One sentence for the person at the keyboard."""


@contextmanager
def opened(text: str) -> Iterator[Any]:
    """What Fugue shall run on while inside: None for "local", else a cluster that ends with the context.

    `text` is local, dask, dask:ADDRESS (tcp://host:8786), ray or ray:ADDRESS (ray://host:10001); without an address the
    cluster is one of this machine's own. EngineError where that is no engine, or it is not installed or not reached.
    """
    name, _, address = text.partition(":")
    if name not in ENGINES or (name == "local" and text != name):
        raise EngineError(f"{text!r} is no engine; write local, dask, dask:ADDRESS, ray or ray:ADDRESS")
    with ExitStack() as held:
        try:
            engine = None if name == "local" else _dask(held, address) if name == "dask" else _ray(held, address)
        except ImportError as problem:
            raise EngineError(
                f"the engine {name} is not installed ({problem}): pip install 'quarterdeck[{name}]'"
            ) from problem
        except (OSError, ValueError) as problem:
            raise EngineError(f"the engine {text} cannot be reached: {problem}") from problem
        yield engine


def _dask(held: ExitStack, address: str) -> Any:
    import dask.config
    import dask.dataframe
    from distributed import Client, LocalCluster

    if not address:
        # What pandas announces to Fugue is nothing to the user. No dashboard: it would listen on every interface.
        held.enter_context(dask.config.set({_SPAWN: {**dask.config.get(_SPAWN), "PYTHONWARNINGS": _QUIET}}))
        cluster = LocalCluster(dashboard_address=None, silence_logs=logging.ERROR)  # type: ignore[no-untyped-call]
        address = held.enter_context(cluster).scheduler_address
    return held.enter_context(Client(address, timeout=WAIT))  # type: ignore[no-untyped-call]


def _ray(held: ExitStack, address: str) -> Any:
    import ray

    if address:
        ray.init(address)
    else:
        ray.init(include_dashboard=False)
    held.callback(ray.shutdown)
    return "ray"
