"""The tables that `config.toml` may have, and what is said of any other: mostly a misspelling.

Panes and the daemon read different tables of the one file, so both ask here.
"""

from __future__ import annotations

from collections.abc import Iterable

TABLES = ("accounts", "costs", "forecast", "organizations", "polling", "retention", "store")


def unknown_table(names: Iterable[str]) -> str:
    """One sentence on the first of these names that is no table, "" where all are."""
    wrong = next((name for name in names if name not in TABLES), None)
    return "" if wrong is None else f"there is no table {wrong!r}; {nearest(wrong, TABLES)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant, else all there is."""
    # Only now: a pane that finds nothing wrong does not load it.
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(word, names, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}."
