"""What an answer says besides its elements: read once for all pages that are alike but for their texts.

Around their elements pages differ in the request's id and the token of the next page. Where the tags are those of a
page before, byte for byte, the texts that were wanted of that one stand at the same places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from typing import Any

from botocore.parsers import ResponseParserError

from backends.aws.lean_xml import read_xml
from backends.model import Json

_TEXT = re.compile(rb">([^<]*[^<\s][^<]*)<")
_PLAIN = re.compile(rb"[\t\n\x20-\x7e]*")
_ODD = re.compile(rb"<!|&|\?|\]\]>|>[^<]*[\"'][^<]*<")
"""Comments, references, instructions, what no text may hold, and what may be the end of a tag's own quoted bracket."""
_MOST = 64


class Around:
    """Of the answers of a shape without their elements: what they say under some names.

    `listed` is the name of the list that the elements were taken from.
    """

    def __init__(self, shape: Any, listed: str, told: Sequence[str]) -> None:
        self._shape, self._listed, self._told = shape, listed, told
        self._known: dict[bytes, dict[str, int]] = {}

    def read(self, answer: bytes) -> Json | None:
        """What it says; None where it is not whole, or has elements still."""
        if not _PLAIN.fullmatch(answer) or _ODD.search(answer, answer.find(b"?>") + 2):
            return self._read(answer)
        outline = _TEXT.sub(b">*<", answer)
        places = self._known.get(outline)
        if places is None:
            return self._learned(answer, outline)
        texts = _TEXT.findall(answer)
        return {name: texts[place].decode() for name, place in places.items()}

    def _read(self, answer: bytes) -> Json | None:
        try:
            found = read_xml(answer, self._shape)
        except ResponseParserError:
            return None
        if found.get(self._listed) != []:
            return None
        return {name: found[name] for name in self._told if name in found}

    def _learned(self, answer: bytes, outline: bytes) -> Json | None:
        """What it says, and the places of the texts that say so, if they are texts and no more."""
        found = self._read(answer)
        number = count()
        counted = self._read(_TEXT.sub(lambda _: b">%d<" % next(number), answer)) if found else found
        if counted is not None and len(self._known) < _MOST:
            texts = [str(place) for place in range(next(number))]
            if all(place in texts for place in counted.values()):
                self._known[outline] = {name: int(place) for name, place in counted.items()}
        return found
