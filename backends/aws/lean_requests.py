"""What botocore says anew in every request although it is the same, said once: a third of what a small request costs.

Endpoints, validation, credentials, signing and errors stay botocore's own.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from botocore.context import get_context

from backends.aws.following import follow
from backends.model import Json


def lean(client: Any) -> Any:
    """The client, which now puts its user agent together once, in each request once its body and its instants, and of
    following pages nothing that is as in the page before."""
    agent, known = client._user_agent_creator, {}
    written = agent.to_string

    def to_string() -> str:
        context = get_context()
        features = frozenset(context.features) if context else frozenset()
        if features not in known:
            known[features] = written()
        return str(known[features])

    agent.to_string = to_string
    client.meta.events.register("provide-client-params", _timed)
    client.meta.events.register("before-sign", _encoded)
    follow(client)
    return client


def _encoded(request: Any, **_: Any) -> None:
    """A form is encoded for its signature and would be for sending again."""
    if isinstance(request.data, dict):
        request.data = urlencode(request.data, doseq=True).encode()


def _timed(params: Json, model: Any, **_: Any) -> Json:
    """The texts of instants as such: of a text botocore's parser makes one, twice a request."""
    members = model.input_shape.members if model.input_shape is not None else {}
    found = dict(params)
    for name, value in params.items():
        if isinstance(value, str) and name in members and members[name].type_name == "timestamp":
            with suppress(ValueError):
                found[name] = datetime.fromisoformat(value)
    return found
