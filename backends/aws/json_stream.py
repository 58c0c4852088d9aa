"""The elements of one array in JSON documents of any size, decoded one by one from a bounded buffer.

The documents follow one another, with or without blanks between; each is an object that holds the array under its name,
beside whatever else. At most one element, and one chunk, is in memory.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

LONGEST = 1 << 18
"""Characters that one element, or one other value of a document, may have."""

_UNFINISHED = re.compile(r"(?:\.|[eE][+-]?)?\Z")
_BLANKS = re.compile(r"[ \t\n\r]+")


class Malformed(Exception):
    """Not such a document: `byte` (from 0) and `line` (from 1) of where it goes wrong."""

    def __init__(self, problem: str, byte: int, line: int) -> None:
        super().__init__(f"at byte {byte} (line {line}): {problem}")
        self.byte = byte
        self.line = line


class ArrayReader:
    """Iterates over the elements of the array `name` of every document in `chunks` of UTF-8.

    `documents` counts the documents read so far. Raises Malformed.
    """

    def __init__(self, chunks: Iterable[bytes], name: str, longest: int = LONGEST) -> None:
        self._chunks = iter(chunks)
        self._name = name
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._scan = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0
        self._bytes_gone = 0
        self._lines_gone = 0
        self._over = False
        self._element = 0
        self.documents = 0

    def __iter__(self) -> Iterator[Any]:
        if self._peek() == "\ufeff":
            self._at += 1
        while self._peek():
            yield from self._document()
            self.documents += 1

    def fault(self, problem: str) -> Malformed:
        """The exception for a problem with the element that was given last."""
        return self._malformed(problem, self._element)

    def _document(self) -> Iterator[Any]:
        start = self._place(self._at)
        self._expect("{", "a JSON object should begin here")
        found = False
        while self._peek() != "}":
            if self._peek() != '"':
                raise self._malformed("a name in double quotes should stand here", self._at)
            name = self._value()
            self._expect(":", "a colon should follow the name")
            if name == self._name:
                found = True
                yield from self._array()
            else:
                self._value()
            if self._peek() == ",":
                self._at += 1
                if self._peek() == "}":
                    raise self._malformed("a name should follow the comma", self._at)
            elif self._peek() != "}":
                raise self._malformed("a comma or the object's end should stand here", self._at)
        self._at += 1
        if not found:
            raise Malformed(f"the document that begins here has no {self._name}", *start)

    def _array(self) -> Iterator[Any]:
        self._expect("[", f"{self._name} should be a list")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            mark = self._peek()
            if mark == "]":
                self._at += 1
                return
            self._expect(",", "a comma or the list's end should stand here")

    def _value(self) -> Any:
        """The next JSON value; more is read until it is whole."""
        self._peek()
        while True:
            try:
                value, end = self._scan(self._buffer, self._at)
                # A number at the buffer's end may go on in the next chunk: "1", "1." and "1e+" all read as 1.
                if not _UNFINISHED.match(self._buffer, end) or not self._more():
                    self._element = self._at
                    self._at = end
                    return value
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > self._longest or not self._more():
                    what = "the file ends amid a value" if self._over else f"{error.msg[:1].lower()}{error.msg[1:]}"
                    raise self._malformed(what, min(error.pos, len(self._buffer))) from None
            except RecursionError:
                raise self._malformed("the value is nested too deeply", self._at) from None

    def _peek(self) -> str:
        """The next character that is no blank, "" at the end."""
        while True:
            if blanks := _BLANKS.match(self._buffer, self._at):
                self._at = blanks.end()
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _expect(self, mark: str, problem: str) -> None:
        found = self._peek()
        if found != mark:
            raise self._malformed(problem if found else "the file ends too early", self._at)
        self._at += 1

    def _more(self) -> bool:
        """Drops what is done with and appends the next chunk; False at the end."""
        if self._over:
            return False
        done = min(self._at, len(self._buffer))
        self._bytes_gone, line = self._place(done)
        self._lines_gone = line - 1
        self._buffer, self._at = self._buffer[done:], 0
        chunk = next(self._chunks, None)
        try:
            self._buffer += self._decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError as error:
            byte, line = self._place(len(self._buffer))
            raise Malformed("the text is not UTF-8", byte + error.start, line) from None
        self._over = chunk is None
        return True

    def _place(self, at: int) -> tuple[int, int]:
        """Byte and line of a place in the buffer."""
        before = self._buffer[:at]
        size = len(before) if before.isascii() else len(before.encode("utf-8", "surrogatepass"))
        return self._bytes_gone + size, self._lines_gone + before.count("\n") + 1

    def _malformed(self, problem: str, at: int) -> Malformed:
        return Malformed(problem, *self._place(at))
