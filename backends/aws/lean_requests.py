"""What botocore says anew in every request although it is the same, said once: a third of what a small request costs.

Endpoints, validation, credentials, signing and errors stay botocore's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from botocore.context import get_context

from backends.model import Json


def lean(client: Any) -> Any:
    """The client, which from now on puts its user agent and the body of each request together once."""
    agent, known = client._user_agent_creator, {}
    written = agent.to_string

    def to_string() -> str:
        context = get_context()
        features = frozenset(context.features) if context else frozenset()
        if features not in known:
            known[features] = written()
        return str(known[features])

    agent.to_string = to_string
    client.meta.events.register("before-sign", _encoded)
    return client


def _encoded(request: Any, **_: Any) -> None:
    """A form is encoded for its signature and would be for sending again."""
    if isinstance(request.data, dict):
        request.data = urlencode(request.data, doseq=True).encode()


def timed(client: Any, operation: str, parameters: Json) -> Json:
    """The parameters with the texts of instants as such: of a text botocore's parser makes one, twice a request."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    members = shape.members if shape is not None else {}
    found = dict(parameters)
    for name, value in parameters.items():
        if isinstance(value, str) and name in members and members[name].type_name == "timestamp":
            found[name] = datetime.fromisoformat(value)
    return found
