"""The examples of CONTRIBUTING.md, as the modules that they would be."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@cache
def sources() -> dict[str, str]:
    """Heading → the Python below it."""
    found = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", GUIDE.read_text(), re.S | re.M)
    return dict(found)


@cache
def example(heading: str) -> dict[str, Any]:
    """The names that the example under a heading defines."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(sources()[heading], f"CONTRIBUTING.md, {heading}", "exec"), names)
    return names
