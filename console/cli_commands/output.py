"""stdout is data, stderr is narration: tables, JSON and CSV for the one, sentences for the other."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.reports.text import clean, moment, words
from console.widgets.sanitise import cut, fit, width

WIDEST = 60
_NUMBER = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def narrate(sentence: str) -> None:
    """One harmless line on stderr."""
    print(clean(sentence), file=sys.stderr, flush=True)  # noqa: T201 - narration


def say(text: str = "") -> None:
    """One line of data on stdout; the caller has made foreign text in it harmless."""
    print(text)  # noqa: T201 - data


def say_json(value: Any) -> None:
    """One JSON value on stdout, in ASCII: exact, and harmless to a terminal."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Aligned columns; texts are harmless, cells cut at 60 columns: JSON and CSV have them whole."""
    headings = [clean(heading) for heading in headings]
    cells = [[shown(value) for value in row] for row in rows]
    widths = [max([width(heading), *(width(row[n]) for row in cells)]) for n, heading in enumerate(headings)]
    for row in [headings, *cells]:
        parts = [fit(text, widths[n], n in right) for n, text in enumerate(row)]
        say("  ".join(parts).rstrip())


def shown(value: Any) -> str:
    """A cell of `table`: missing is a dash, instants lose their seconds."""
    if value is None or value == "" or value == [] or value == {}:
        return "-"
    text = moment(value) if isinstance(value, str) else words(value)
    return cut(text, WIDEST)


def csv_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """CSV with a header. Text is one harmless line; what a spreadsheet would run gets a quote before it."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(_field, columns))
    writer.writerows([_field(value) for value in row] for row in rows)


def _field(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _field(json.dumps(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = clean(value)
    return f"'{text}" if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value) else text


def covered(coverage: Mapping[str, Any]) -> str:
    """How many places what was told is of, by how their polls ended: `coverage: 5 ok, 1 denied`."""
    states = ", ".join(f"{count} {state}" for state, count in coverage["states"].items())
    return f"coverage: {states or 'none'}"


def tell_problems(coverage: Mapping[str, Any]) -> None:
    """Narrate what is wrong with that coverage, a place in a line."""
    for problem in coverage.get("problems", []):
        narrate(f"  {problem}")


def counted(number: int, one: str, more: str = "") -> str:
    """`1 file`, `2 files`; `more` where the plural is not `one` with an s."""
    return f"{number} {one if number == 1 else more or one + 's'}"
