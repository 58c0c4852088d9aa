"""What went wrong, in one sentence, and the exit code that says whose turn it is."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

from backends.client import BackendError, ContextError
from console.demo_endpoint import DemoError
from console.reports.text import clean
from console.reports.write import ReportError
from console.settings import SettingsError

SET_UP, REFUSED = 2, 3

_EXIT_CODES = {
    "no-credentials": SET_UP,
    "other-endpoint": SET_UP,
    "no-such-kind": SET_UP,
    "not-found": SET_UP,
    "configuration": SET_UP,
}
_BY_STATUS = {400: SET_UP, 403: REFUSED}


class Failure(Exception):
    """A failure that the operator can do something about: one sentence, and the exit code (1 unless said)."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def explain(error: BaseException) -> int:
    """Say the failure on stderr in one sentence and return its exit code."""
    sentence, code = _verdict(error)
    print(f"quarterdeck: {clean(sentence)}", file=sys.stderr)  # noqa: T201 - narration
    return code


def _verdict(error: BaseException) -> tuple[str, int]:
    if isinstance(error, Failure):
        return str(error), error.code
    if isinstance(error, BackendError):
        if error.code == "no-credentials":
            return no_credentials(error.message), SET_UP
        return error.message, _EXIT_CODES.get(error.code, _BY_STATUS.get(error.status, 1))
    if isinstance(error, (ContextError, DemoError, SettingsError)):
        return str(error), SET_UP
    if isinstance(error, ReportError):
        return str(error), SET_UP if error.usage else 1
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}.", 1
    return f"Something unexpected happened ({type(error).__name__}: {error}); QUARTERDECK_DEBUG=1 shows where.", 1


def no_credentials(message: str) -> str:
    """The daemon's sentence about missing credentials, which always names what can be done at once."""
    if "quarterdeck demo" in message:
        return message
    advice = "Sign in (`aws configure sso`, `aws sso login`), name a profile (--profile), or try `quarterdeck demo`."
    return f"{message.rstrip('.') or 'No AWS credentials were found'}. {advice}"


def nearest(name: str, known: Sequence[str], otherwise: str = "") -> str:
    """A hint that names what was probably meant, else `otherwise`, else all there is.

    Of names with a service before the dot, what is behind it is meant as well (`instance`), or all of a service (`s3`).
    """
    names = list(dict.fromkeys(known))
    near = [one for one in names if one.partition(".")[2] == name] or [n for n in names if n.startswith(f"{name}.")]
    near = near or difflib.get_close_matches(name, names, 3, 0.5)
    if near:
        return f"Did you mean {' or '.join(near[:3])}?"
    return otherwise or f"There are {', '.join(names)}."


def no_such_kind(name: str, known: Sequence[str]) -> Failure:
    """What every command says of a kind that is none."""
    more = "`quarterdeck daemon coverage` names those there are."
    return Failure(f"There is no kind {name!r}. {nearest(name, known, more)}", SET_UP)
