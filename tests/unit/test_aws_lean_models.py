"""Descriptions of services without their documentation: what a client is made of stays as botocore has it."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import JSONFileLoader
from botocore.model import ServiceModel

from backends.aws.kinds import KINDS
from backends.aws.lean_models import LeanFiles
from backends.aws.logins import Login
from backends.aws.session import Sessions
from backends.context import Context

DATA = Path(botocore.__file__).parent / "data"


def undocumented(value: Any) -> Any:
    if isinstance(value, list):
        return [undocumented(item) for item in value]
    if isinstance(value, dict):
        return {k: "" if k == "documentation" and isinstance(v, str) else undocumented(v) for k, v in value.items()}
    return value


@pytest.mark.parametrize("name", ["sts/2011-06-15/service-2", "eks/2017-11-01/endpoint-rule-set-1", "partitions"])
def test_a_description_is_what_botocore_reads_but_for_its_documentation(name: str) -> None:
    whole = JSONFileLoader().load_file(str(DATA / name))
    lean = LeanFiles().load_file(str(DATA / name))
    assert lean == undocumented(whole)
    assert json.dumps(lean) == json.dumps(undocumented(whole))  # in the same order too


def test_a_member_of_that_name_is_no_documentation(tmp_path: Path) -> None:
    described = {
        "metadata": {"serviceId": "Books"},
        "shapes": {
            "Book": {
                "type": "structure",
                "documentation": "<p>Reads well.</p>",
                "members": {"documentation": {"shape": "Text", "documentation": "<p>Of it.</p>"}},
            },
            "Text": {"type": "string"},
        },
    }
    (tmp_path / "service-2.json").write_text(json.dumps(described))
    read = LeanFiles().load_file(str(tmp_path / "service-2"))
    book = ServiceModel(read, "books").shape_for("Book")
    assert list(book.members) == ["documentation"]
    assert book.documentation == book.members["documentation"].documentation == ""


async def test_there_is_a_client_of_every_service_that_is_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    sessions = Sessions(Context(endpoint="http://127.0.0.1:9"))
    services = {call.service or kind.service for kind in KINDS for call in kind.calls}
    for service in services:
        client = await sessions.client(Login(), service, "eu-west-1")
        assert client.meta.service_model.service_name == service
    await sessions.close()


def test_there_may_be_no_such_description(tmp_path: Path) -> None:
    assert LeanFiles().load_file(str(tmp_path / "service-2")) is None
