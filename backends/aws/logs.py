"""The collector's log: a file, one line an event, without secrets and without answers."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path
from traceback import walk_tb

_KEYS = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_NAMED = re.compile(
    r"(?i)((?:secret|token|password|passwd|signature|credential|authorization)[\w\- ]*['\"]?\s*[:=]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)
_SECRET_VARIABLE = re.compile(r"SECRET|TOKEN|PASSWORD|PROXY")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 2000
_MOST_PLACES = 12


class Discretion(logging.Filter):
    """Removes keys, tokens and the process's own secrets from every record, and makes it one harmless line.

    Exceptions keep their type and the places that they came through, the innermost last, but not their text, which may
    quote an answer.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._values = [
            value for name, value in environment.items() if _SECRET_VARIABLE.search(name) and len(value) >= 8
        ]

    def also(self, values: Iterable[str]) -> None:
        """More that is never written."""
        self._values += [value for value in values if value]

    def filter(self, record: logging.LogRecord) -> bool:
        message = self.clean(record.getMessage())
        if record.exc_info and record.exc_info[0]:
            message += f" [{record.exc_info[0].__name__}{_places(record.exc_info[1])}]"
        record.msg, record.args, record.exc_info, record.exc_text = message, (), None, None
        return True

    def clean(self, text: str) -> str:
        """The text as one line without what looks like a secret or is one of ours."""
        for value in self._values:
            text = text.replace(value, "[redacted]")
        text = _NAMED.sub(r"\1[redacted]", _KEYS.sub("[redacted key]", text))
        return _CONTROLS.sub(" ", text[:_LONGEST])


def keep_to_yourself(values: Iterable[str]) -> None:
    """These texts are never written to the log, whoever quotes them."""
    for handler in logging.getLogger().handlers:
        for discretion in handler.filters:
            if isinstance(discretion, Discretion):
                discretion.also(values)


def _places(error: BaseException | None) -> str:
    trace = walk_tb(error.__traceback__) if error else ()
    places = [f"{Path(frame.f_code.co_filename).name}:{line}" for frame, line in trace]
    return f" at {' › '.join(places[-_MOST_PLACES:])}" if places else ""


def start_log(path: Path) -> None:
    """Everything at INFO and above goes to `path`; botocore and aiohttp only warn: below that they print answers."""
    # The daemon may share its own log with its collectors: only it rotates the file, we follow.
    handler = WatchedFileHandler(path, encoding="utf-8")
    path.chmod(0o600)
    handler.addFilter(Discretion(os.environ))
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("botocore", "aiobotocore", "boto3", "aioboto3", "aiohttp", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
