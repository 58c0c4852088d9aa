"""The little Markdown that the pages share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where there are no rows."""
    body = ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    if not body:
        return ""
    return "\n".join(["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings), *body])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Inline code; nothing for nothing."""
    return f"`{text}`" if text else ""


def page(*parts: str) -> str:
    """The parts that say something, a blank line between."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())
