"""botocore's descriptions of AWS's services, held in a third of the memory: without their documentation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from botocore.loaders import JSONFileLoader

from backends.model import Json


class LeanFiles(JSONFileLoader):  # type: ignore[misc]
    """Reads description files as botocore does, except for what nobody asks a collector.

    Documentation is blank, objects are plain dicts, and the same texts are the same object.
    """

    def _load_file(self, full_path: str, open_method: Callable[[str, str], BinaryIO]) -> Json | None:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            found: Json = json.loads(file.read(), object_pairs_hook=_told)
        return found


def _told(pairs: list[tuple[str, Any]]) -> Json:
    """An object's members. A documentation is a text: something that a service calls so is a shape."""
    return {
        name: value if not isinstance(value, str) else "" if name == "documentation" else sys.intern(value)
        for name, value in pairs
    }
