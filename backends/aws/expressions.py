"""Column paths compiled once. The language is JMESPath with the functions of `functions.py`; the commonest forms bypass
its interpreter, which takes tens of microseconds for what two lookups do."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from backends.aws.functions import Functions

Reader = Callable[[Any], Any]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_NAME}(\.{_NAME})*")
_LISTED = re.compile(rf"({_NAME}(?:\.{_NAME})*)\[\*?\]\.({_NAME}(?:\.{_NAME})*)")
_TAGGED = re.compile(rf"({_NAME}(?:\.{_NAME})*)\[\?(Key|key)=='([^'\\]+)'\]\.(Value|value) ?\| ?\[0\]")


_OPTIONS = jmespath.Options(custom_functions=Functions())


@lru_cache(maxsize=4096)
def compiled(path: str) -> Reader:
    """A reader for the path: an element in, its value out, None where there is none. ValueError for a bad path.

    A reader never fails on a value of another shape than expected: it gives None.
    """
    if path in ("@", ""):
        return _same
    if _DOTTED.fullmatch(path):
        return _dotted(path.split("."))
    if found := _LISTED.fullmatch(path):
        return _listed(_dotted(found[1].split(".")), _dotted(found[2].split(".")))
    if found := _TAGGED.fullmatch(path):
        return _tagged(_dotted(found[1].split(".")), *found.groups()[1:])
    try:
        expression = jmespath.compile(path)
    except JMESPathError as error:
        raise ValueError(f"{path!r} is not a JMESPath expression: {error}") from error

    def read(element: Any) -> Any:
        try:
            return expression.search(element, _OPTIONS)
        except (JMESPathError, TypeError, ValueError, AttributeError):
            return None

    return read


def _same(element: Any) -> Any:
    return element


def _dotted(names: list[str]) -> Reader:
    if len(names) == 1:
        name = names[0]
        return lambda element: element.get(name) if isinstance(element, dict) else None

    def read(element: Any) -> Any:
        for name in names:
            if not isinstance(element, dict):
                return None
            element = element.get(name)
        return element

    return read


def _listed(items: Reader, field: Reader) -> Reader:
    def read(element: Any) -> Any:
        found = items(element)
        if not isinstance(found, list):
            return None
        return [value for value in map(field, found) if value is not None]

    return read


def _tagged(items: Reader, key: str, wanted: str, value: str) -> Reader:
    def read(element: Any) -> Any:
        found = items(element)
        if isinstance(found, list):
            for tag in found:
                if isinstance(tag, dict) and tag.get(key) == wanted and tag.get(value) is not None:
                    return tag[value]
        return None

    return read
