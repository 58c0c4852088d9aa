"""The raw element of a resource as AWS sent it, secrets redacted, as searchable JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from backends.client import BackendError
from console.screens.text_screen import TextScreen
from console.widgets.ink import Line
from console.widgets.sanitise import sanitise

_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(: )?(.*)$')
MOST_LINES = 20_000


class RawScreen(TextScreen):
    help_page = "raw"
    wraps = False  # indentation says what belongs together; h and l move sideways

    def __init__(self, ref: str, trail: str) -> None:
        super().__init__(f"{trail} › raw")
        self.ref = ref

    def concerns(self, topics: frozenset[str]) -> bool:
        return self.ref.partition("@")[0] in topics or "*" in topics

    def reload(self, *, moved: bool = False) -> None:
        self.background(self._read, "rows")

    async def _read(self) -> None:
        client = self.session.client
        if client is None:
            return
        try:
            resource = await client.resource(self.ref, at=self.session.at)
        except (BackendError, OSError) as error:
            self.show([[("  " + sanitise(str(error)), "bad")]])
            return
        raw = resource.get("raw")
        if raw is None:
            self.show([[("  The raw element of this resource is not recorded at that instant.", "stale")]])
        else:
            self.show(json_lines(raw))


def json_lines(value: Any) -> list[Line]:
    """Indented JSON, keys and values told apart. Control characters are escaped by JSON, the rest is sanitised."""
    lines: list[Line] = []
    for text in json.dumps(value, indent=2, ensure_ascii=False).split("\n")[:MOST_LINES]:
        found = _KEY.match(text)
        if found and found[3]:
            line: Line = [(found[1], ""), (sanitise(found[2]), "link"), (": ", "muted"), (sanitise(found[4]), "")]
        else:
            line = [(sanitise(text), "")]
        lines.append(line)
    return lines
