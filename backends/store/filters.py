"""The filter language: text → terms. It knows no SQL and no columns; see `filter_sql` for both.

Terms separated by blanks must all hold:

    web            "web" occurs in any text of the resource, whatever the case
    "web 1"        the same with a blank in it; inside quotes \\" and \\\\ stand for themselves
    ~wbsrv         the letters occur in this order in one text (fuzzy)
    state=running  equal; != not equal; > >= < <= for numbers (sizes too: 10GiB) and times (also -2d); ~ contains
    state=a|b      equal to one of several (outside quotes)
    name=          not set
    tag:k=v        a tag's value (also != and ~); tag:k the tag exists
    !term          not
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COLUMN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(!=|>=|<=|=|>|<|~)")
_TAG_OPERATOR = re.compile(r"!=|=|~")


class FilterError(ValueError):
    """A filter that cannot be understood: one sentence, and the position (0-based) of what is wrong."""

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(sentence)
        self.position = position


@dataclass(frozen=True, slots=True)
class Text:
    """`word`: the text occurs anywhere; fuzzy: its letters occur in order."""

    text: str
    fuzzy: bool
    position: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`column operator value`; several values (only with = and !=) are alternatives."""

    column: str
    operator: str
    values: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Tag:
    """`tag:key operator value`; operator "" asks whether the tag exists."""

    key: str
    operator: str
    values: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """`!term`."""

    term: Text | Compare | Tag


Term = Text | Compare | Tag | Not


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a filter, in order; FilterError if a quote does not end or a part is missing."""
    terms: list[Term] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        term, position = _term(text, position)
        terms.append(term)
    return tuple(terms)


def _term(text: str, start: int) -> tuple[Term, int]:
    position = start
    while text.startswith("!", position):
        position += 1
    term, end = _positive(text, position)
    return (Not(term) if (position - start) % 2 else term), end


def _positive(text: str, start: int) -> tuple[Text | Compare | Tag, int]:
    if text[start : start + 4].lower() == "tag:":
        return _tag(text, start)
    if match := _COLUMN.match(text, start):
        values, end = _values(text, match.end(), alternatives=match[2] in ("=", "!="))
        return Compare(match[1].lower(), match[2], values, start), end
    fuzzy = text.startswith("~", start)
    word, end, _ = _word(text, start + fuzzy)
    if not word:
        raise FilterError(f"Something is missing after {text[start:end] or '!'!r}: write what to look for.", start)
    return Text(word, fuzzy, start), end


def _tag(text: str, start: int) -> tuple[Tag, int]:
    position = start + 4
    if text.startswith('"', position):
        key, position, _ = _word(text, position, stop=_TAG_OPERATOR)
    else:
        end = position
        while end < len(text) and not text[end].isspace() and not _TAG_OPERATOR.match(text, end):
            end += 1
        key, position = text[position:end], end
    if not key:
        raise FilterError("A tag's name is missing after 'tag:': write tag:Name=value or tag:Name.", start)
    operator = _TAG_OPERATOR.match(text, position)
    if not operator:
        return Tag(key, "", (), start), position
    values, end = _values(text, operator.end(), alternatives=operator[0] != "~")
    return Tag(key, operator[0], values, start), end


def _values(text: str, start: int, *, alternatives: bool) -> tuple[tuple[str, ...], int]:
    word, end, quoted = _word(text, start)
    if alternatives and not quoted and "|" in word:
        return tuple(part for part in word.split("|") if part) or ("",), end
    return (word,), end


def _word(text: str, start: int, stop: re.Pattern[str] | None = None) -> tuple[str, int, bool]:
    """A run of characters up to a blank (or `stop`), quoted parts included; says whether any part was quoted."""
    parts: list[str] = []
    position, quoted = start, False
    while position < len(text) and not text[position].isspace():
        if text[position] == '"':
            part, position = _quoted(text, position)
            parts.append(part)
            quoted = True
            continue
        if stop and stop.match(text, position):
            break
        parts.append(text[position])
        position += 1
    return "".join(parts), position, quoted


def _quoted(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1 : position + 2] in ('"', "\\"):
            parts.append(text[position + 1])
            position += 2
        elif character == '"':
            return "".join(parts), position + 1
        else:
            parts.append(character)
            position += 1
    raise FilterError('A quote is not closed: end it with ".', start)


def quote(value: str) -> str:
    """`value` as one word of the language, quoted where it has to be."""
    if value and not re.search(r'[\s"|!~\\]', value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
