"""A client that answers from functions, and what a sweep needs around it: no network, no credentials."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import botocore.session
import pyarrow as pa
from botocore import xform_name
from botocore.exceptions import ClientError

from backends.aws.requests import Requester
from backends.aws.sweep import Sweep
from backends.aws.tasks import SweepTask
from backends.aws.throttle import Throttle
from backends.blocks import unpacked
from backends.model import Coverage, Json, Kind

Answer = Callable[[Json], Any]
ACCOUNT, REGION = "111122223333", "eu-west-1"


@lru_cache(maxsize=1)
def session() -> Any:
    return botocore.session.get_session()


class FakeClient:
    """`answers` maps operation names to functions of the parameters, which return or raise."""

    def __init__(self, service: str, answers: dict[str, Answer]) -> None:
        model = session().get_service_model(service)
        names = {xform_name(name): name for name in model.operation_names}
        self.meta = SimpleNamespace(service_model=model, method_to_api_mapping=names)
        self._answers = answers
        self.asked: list[tuple[str, Json]] = []

    def __getattr__(self, name: str) -> Any:
        operation = self.meta.method_to_api_mapping[name]

        async def method(**parameters: Any) -> Any:
            self.asked.append((operation, parameters))
            return {"ResponseMetadata": {}} | self._answers[operation](parameters)

        return method


def refused(code: str, status: int = 400, message: str = "no") -> ClientError:
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, "Operation")


def raising(error: BaseException) -> Answer:
    def answer(parameters: Json) -> Any:
        raise error

    return answer


def rows_of(arrow: bytes) -> list[Json]:
    """The rows of a page, each with its raw element unpacked, None where none was kept."""
    found: list[Json] = []
    for batch in pa.ipc.open_stream(arrow):
        rows = batch.to_pylist()
        texts = b""
        for row in rows:
            texts = unpacked(row["raw"]) if row["raw"] else texts
            at, size = row.pop("raw_at"), row.pop("raw_size")
            row["raw"] = None if at is None else json.loads(texts[at : at + size])
        found += rows
    return found


async def swept(
    kind: Kind, clients: dict[str, FakeClient], task: SweepTask | None = None, *, custom_endpoint: bool = False
) -> tuple[Coverage, list[Json]]:
    """The sweep's coverage and its rows, `raw` unpacked."""
    rows: list[Json] = []

    async def emit(arrow: bytes, count: int) -> None:
        page = rows_of(arrow)
        assert len(page) == count
        rows.extend(page)

    async def client(service: str) -> FakeClient:
        return clients[service]

    sweep = Sweep(
        kind,
        task or SweepTask(ACCOUNT, REGION, kind.name),
        requester=Requester(custom_endpoint=custom_endpoint, throttle=Throttle(share=1000)),
        client=client,
        loader=session().get_component("data_loader"),
        emit=emit,
    )
    return await sweep.run(), rows
