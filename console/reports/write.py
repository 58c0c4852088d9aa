"""Where a report goes: the form follows the file's name, and the file is there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from backends.client import Json

FORMS = (".html", ".md", ".json")


class ReportError(Exception):
    """A report cannot be written there; the text is one sentence. `usage`: what was asked for makes no sense."""

    def __init__(self, sentence: str, *, usage: bool = False) -> None:
        super().__init__(sentence)
        self.usage = usage


def check(path: Path) -> None:
    """Refuse a file that could not be written, before the work for it is done. Raises ReportError."""
    if path.suffix.lower() not in FORMS:
        raise ReportError(
            f"A report is {', '.join(FORMS[:-1])} or {FORMS[-1]} by its name; {path.name!r} is none of them.",
            usage=True,
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ReportError(
            f"The directory {folder} does not exist, so the report cannot be written there; make it first."
        )
    if path.is_dir():
        raise ReportError(f"{path} is a directory; name a file in it.", usage=True)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ReportError(f"The report cannot be written to {folder}: {error.strerror}.") from error


def render(report: Json, form: str) -> str:
    """The report in the form that a suffix names."""
    if form == ".json":
        return json.dumps(report, indent=1) + "\n"
    from console.reports.pages import html, markdown

    return html(report) if form == ".html" else markdown(report)


def write(report: Json, path: Path) -> None:
    """Write the report: to a temporary file beside it, then renamed over. Raises ReportError."""
    check(path)
    text = render(report, path.suffix.lower())
    try:
        handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ReportError(f"The report cannot be written to {path}: {error.strerror}.") from error
