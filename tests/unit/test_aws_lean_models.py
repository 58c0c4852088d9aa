"""Descriptions of services without their documentation: what a client is made of stays as botocore has it."""

import json
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import JSONFileLoader
from botocore.model import ServiceModel

from backends.aws.lean_models import LeanFiles

DATA = Path(botocore.__file__).parent / "data"


def undocumented(value: Any) -> Any:
    if isinstance(value, list):
        return [undocumented(item) for item in value]
    if isinstance(value, dict):
        return {k: undocumented(v) for k, v in value.items() if not (k == "documentation" and isinstance(v, str))}
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


def test_there_may_be_no_such_description(tmp_path: Path) -> None:
    assert LeanFiles().load_file(str(tmp_path / "service-2")) is None
