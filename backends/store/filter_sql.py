"""Filters as SQL: terms are compared by the type of their column, values are bound, wildcards cannot leak in.

Every predicate is TRUE or FALSE, never NULL, so that `!term` is exactly the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backends.model import NoSuchColumn, column_called
from backends.store.filters import Compare, FilterError, Not, Tag, Term, Text, parse
from backends.store.instants import moves, parse_instant, parse_offset, stored, utcnow
from backends.store.sqltext import Bound

_SIZE = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)\s*([kmgtp]i?)?b?\Z", re.IGNORECASE)
_SCALE = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15}
_BINARY = {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40, "pi": 2.0**50}
_TRUE, _FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_FUZZY_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Field:
    """A column as a filter sees it: its type, and the SQL expression that yields it."""

    type: str
    sql: str
    searched: bool = True
    """Whether a bare word looks into it."""
    heading: str = ""
    """What stands above it on screen, where that is not its name: a filter may say that too."""


def compile_filter(text: str, fields: Mapping[str, Field], bound: Bound, now: datetime | None = None) -> str:
    """SQL for a filter; "TRUE" for an empty one.

    `now` is what relative times are relative to. Whatever the text, the only exception is FilterError.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FilterError("The filter holds a character that is not valid text.", error.start) from None
    return compile_terms(parse(text), fields, bound, now or utcnow())


def compile_terms(terms: Sequence[Term], fields: Mapping[str, Field], bound: Bound, now: datetime) -> str:
    """SQL for parsed terms, all of which must hold."""
    return " AND ".join(_term(term, fields, bound, now) for term in terms) or "TRUE"


def is_relative(text: str) -> bool:
    """Whether a filter's meaning moves with the clock, so that its result must not be kept for long."""
    for term in parse(text):
        inner = term.term if isinstance(term, Not) else term
        if isinstance(inner, Compare) and any(map(moves, inner.values)):
            return True
    return False


def looks_into_texts(text: str) -> bool:
    """Whether a filter searches texts, which takes longer than to compare cells."""
    terms = [term.term if isinstance(term, Not) else term for term in parse(text)]
    return any(not isinstance(term, Compare) or term.operator == "~" for term in terms)


def _term(term: Term, fields: Mapping[str, Field], bound: Bound, now: datetime) -> str:
    if isinstance(term, Not):
        return f"(NOT {_term(term.term, fields, bound, now)})"
    if isinstance(term, Text):
        return _text(term, fields, bound)
    if isinstance(term, Tag):
        return _tag(term, fields, bound)
    return _compare(term, fields, bound, now)


def _text(term: Text, fields: Mapping[str, Field], bound: Bound) -> str:
    if term.fuzzy and len(term.text) > _FUZZY_LIMIT:
        raise FilterError(f"A fuzzy word has at most {_FUZZY_LIMIT} letters.", term.position)
    # One placeholder for all columns. Fuzzy goes through RE2, which is linear in the text, unlike LIKE with many %.
    value = bound(_fuzzy_pattern(term.text) if term.fuzzy else term.text)
    tests = []
    for field in fields.values():
        if not field.searched or (term.fuzzy and field.type == "tags"):
            continue
        text = _as_text(field)
        if text:
            tests.append(
                f"regexp_matches({text}, {value})" if term.fuzzy else f"contains(lower({text}), lower({value}))"
            )
    return "(" + " OR ".join(f"coalesce({test}, FALSE)" for test in tests) + ")" if tests else "FALSE"


def _as_text(field: Field) -> str:
    if field.type in ("text", "tags"):
        return field.sql
    return f"array_to_string({field.sql}, chr(10))" if field.type == "list" else ""


def _fuzzy_pattern(text: str) -> str:
    def escaped(character: str) -> str:
        if character.isalnum() or ord(character) > 127:
            return character
        return f"\\x{ord(character):02x}"

    return "(?is)" + ".*".join(escaped(character) for character in text)


def _tag(term: Tag, fields: Mapping[str, Field], bound: Bound) -> str:
    tags = next((field for field in fields.values() if field.type == "tags"), None)
    if tags is None:
        raise FilterError("This kind has no tags.", term.position)
    pointer = "/" + term.key.replace("~", "~0").replace("/", "~1")
    value = f"json_extract_string({tags.sql}, {bound(pointer)})"
    if term.operator == "":
        return f"({value} IS NOT NULL)"
    if term.operator == "~":
        return f"coalesce(contains(lower({value}), lower({bound(term.values[0])})), FALSE)"
    equal = " OR ".join(_equal_text(value, wanted, bound) for wanted in term.values)
    return f"(NOT ({equal}))" if term.operator == "!=" else f"({equal})"


def _equal_text(expression: str, wanted: str, bound: Bound) -> str:
    if wanted == "":
        return f"coalesce({expression} = '', TRUE)"
    return f"coalesce(lower({expression}) = lower({bound(wanted)}), FALSE)"


def _compare(term: Compare, fields: Mapping[str, Field], bound: Bound, now: datetime) -> str:
    try:
        field = fields[column_called(term.column, {name: known.heading or name for name, known in fields.items()})]
    except NoSuchColumn as error:
        raise FilterError(str(error), term.position) from None
    if term.operator == "!=":
        equal = Compare(term.column, "=", term.values, term.position)
        return f"(NOT {_compare(equal, fields, bound, now)})"
    if term.operator == "~":
        return _contains(term, field, bound)
    tests = [_one(term, value, field, bound, now) for value in term.values]
    return "(" + " OR ".join(tests) + ")"


def _contains(term: Compare, field: Field, bound: Bound) -> str:
    text = _as_text(field) or f"CAST({field.sql} AS VARCHAR)"
    return f"coalesce(contains(lower({text}), lower({bound(term.values[0])})), FALSE)"


def _one(term: Compare, value: str, field: Field, bound: Bound, now: datetime) -> str:
    """One comparison with =, >, >=, < or <= by the column's type."""
    if value == "" and term.operator == "=":
        empty = {"text": " = ''", "list": " = []", "tags": " = '{}'"}.get(field.type)
        return f"coalesce({field.sql}{empty}, TRUE)" if empty else f"({field.sql} IS NULL)"
    if value == "":
        raise FilterError(f"A value is missing after {term.column}{term.operator}.", term.position)
    if field.type in ("integer", "number"):
        return f"coalesce({field.sql} {term.operator} {bound(_number(term, value))}, FALSE)"
    if field.type == "time":
        return _time(term, value, field, bound, now)
    if field.type == "boolean":
        return _boolean(term, value, field, bound)
    if field.type == "tags":
        raise FilterError("Tags are compared one by one: write tag:Name=value.", term.position)
    if field.type == "list":
        if term.operator != "=":
            raise FilterError(f"{term.column} is a list: use = for one of its values, or ~.", term.position)
        return f"coalesce(list_contains({field.sql}, {bound(value)}), FALSE)"
    if term.operator == "=":
        return _equal_text(field.sql, value, bound)
    return f"coalesce(lower({field.sql}) {term.operator} lower({bound(value)}), FALSE)"


def _number(term: Compare, text: str) -> int | float:
    match = _SIZE.match(text.strip())
    if not match:
        raise FilterError(f"{term.column} is a number; {text!r} is not one.", term.position)
    if not match[2] and re.fullmatch(r"[+-]?[0-9]{1,18}", match[1]):
        return int(match[1])
    suffix = (match[2] or "").lower()
    value = float(match[1]) * (_SCALE.get(suffix) or _BINARY.get(suffix) or 1.0)
    if value in (float("inf"), float("-inf")):
        raise FilterError(f"{text!r} is too large a number.", term.position)
    return value


def _time(term: Compare, text: str, field: Field, bound: Bound, now: datetime) -> str:
    instant = _instant(term, text, now)
    if term.operator == "=" and _DATE.match(text.strip()):
        after = min(instant, datetime.max.replace(tzinfo=UTC) - timedelta(days=2)) + timedelta(days=1)
        first, last = bound(stored(instant)), bound(stored(after))
        return f"coalesce({field.sql} >= {first} AND {field.sql} < {last}, FALSE)"
    return f"coalesce({field.sql} {term.operator} {_moment(text, instant, bound)}, FALSE)"


def _instant(term: Compare, text: str, now: datetime) -> datetime:
    try:
        return parse_instant(text, now)
    except ValueError as error:
        raise FilterError(f"{term.column} is a time: {error}", term.position) from None


def _moment(text: str, instant: datetime, bound: Bound) -> str:
    moving = getattr(bound, "now_sql", "")
    if moving and text.strip().lower() == "now":
        return str(moving)
    if moving and (offset := parse_offset(text)) is not None:
        return f"({moving} + to_seconds({int(offset.total_seconds())}))"
    return bound(stored(instant))


def _boolean(term: Compare, text: str, field: Field, bound: Bound) -> str:
    word = text.lower()
    if term.operator != "=" or word not in _TRUE + _FALSE:
        raise FilterError(f"{term.column} is true or false: write {term.column}=true.", term.position)
    return f"coalesce({field.sql} = {bound(word in _TRUE)}, FALSE)"
