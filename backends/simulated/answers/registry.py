"""How an operation gets an answer of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backends.simulated import wire

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

Answer = Callable[["Simulation", wire.Request], "dict[str, Any] | wire.Reply | None"]
ANSWERS: dict[tuple[str, str], Answer] = {}


def answers(service: str, *operations: str) -> Callable[[Answer], Answer]:
    """Let a function answer operations: with botocore's output shape, a whole reply, or None to leave it to moto.

    It runs under the simulation's lock and raises `wire.AwsError` for what AWS refuses.
    """

    def register(function: Answer) -> Answer:
        for operation in operations:
            ANSWERS[service, operation] = function
        return function

    return register
