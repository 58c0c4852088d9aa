"""What `config.toml` says of the store: how long its history is kept, and the key that it is encrypted with.

The daemon reads it when it starts. Whatever in it cannot be meant is refused in one sentence, never passed over:
history that was deleted by mistake does not come back. `python -m backends.daemon.configuration` says whether a daemon
that started now would take it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from backends.context import config_directory
from backends.daemon.keys import configured
from backends.model import Kind
from backends.store import Retention
from backends.tables import unknown_table

FILE = "config.toml"
_DAYS = tuple(field.name for field in fields(Retention) if field.name != "kinds")
_MOST_DAYS = 36_500


class ConfigurationError(Exception):
    """One sentence for the operator: which file, which setting, what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the daemon is told."""

    retention: Retention
    key_place: str = ""
    """Where the key is that the store is encrypted with (see `keys.configured`)."""


def read(kinds: Mapping[str, Kind], directory: Path | None = None) -> Configuration:
    """The configuration of the user; without a file, what holds without one."""
    file = (directory or config_directory()) / FILE
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        said = {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML ({error}).") from error
    if problem := unknown_table(said):
        raise ConfigurationError(f"{file}: {problem}")
    try:
        return Configuration(retention(_table(said, "retention"), kinds), configured(_table(said, "store")))
    except ValueError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _table(said: Mapping[str, Any], name: str, within: str = "") -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{within}{name} is not a table; write [{within}{name}].")
    return found


def retention(said: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Retention:
    """`[retention]`; ValueError with a sentence for a kind that there is not, or days that cannot be meant."""
    by_kind = _table(said, "kinds", "retention.")
    every = _days({name: value for name, value in said.items() if name != "kinds"}, "retention")
    chosen: dict[str, dict[str, int]] = {}
    for name, settings in by_kind.items():
        if name not in kinds:
            raise ValueError(_no_kind(name, settings, kinds))
        where = f'retention.kinds."{name}"'
        if not isinstance(settings, dict):
            raise ValueError(f"{where} is not a table.")
        chosen[name] = _days(settings, where)
        if "series_days" in chosen[name] and kinds[name].series is None and kinds[name].closes:
            raise ValueError(f"{where}.series_days says nothing: {name} has no series.")
    found = Retention(**every, kinds=chosen)
    for name, own in {"": every, **chosen}.items():
        _check(found.of(name), own, f'retention.kinds."{name}"' if name else "retention")
    return found


def _no_kind(name: str, settings: object, kinds: Mapping[str, Kind]) -> str:
    """What is said of a table that is no kind's: mostly a misspelling, or a name that TOML takes apart at its dot."""
    tables = [key for key, value in settings.items() if isinstance(value, dict)] if isinstance(settings, dict) else []
    if tables:
        said = f"{name}.{tables[0]}"
        meant = next(iter(get_close_matches(said, kinds, 1)), said)
        return f'the dot in the name of a kind is quoted: write [retention.kinds."{meant}"].'
    near = get_close_matches(name, kinds, 1)
    hint = f"did you mean {near[0]}?" if near else "`quarterdeck ls` takes the same names."
    return f"there is no kind {name!r} to keep (retention.kinds): {hint}"


def _check(kept: Retention, own: Mapping[str, int], where: str) -> None:
    """ValueError where days that hold together contradict each other; `own` are those said in this place."""
    if kept.coverage < kept.history_days:
        raise ValueError(
            f"{where}.coverage_days ({kept.coverage}) is less than history_days ({kept.history_days}): nothing "
            "would vouch for the history before."
        )
    # A kind of short history need not say that it is never thinned as others are.
    thinned = own.get("compact_after_days", 0)
    if thinned > kept.history_days:
        raise ValueError(
            f"{where}.compact_after_days ({thinned}) is more than history_days ({kept.history_days}): nothing would "
            "be left to thin."
        )


def _days(said: Mapping[str, Any], where: str) -> dict[str, int]:
    for name, value in said.items():
        if name not in _DAYS:
            near = get_close_matches(name, _DAYS, 1)
            raise ValueError(f"{where} has no {name!r}; {f'did you mean {near[0]}?' if near else ', '.join(_DAYS)}")
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_DAYS:
            raise ValueError(f"{where}.{name} is a number of days from 1 to {_MOST_DAYS}, not {value!r}.")
    return dict(said)


def main() -> int:
    """0 where a daemon would take what the user has configured; else 2 and one sentence on stderr."""
    from backends.aws.kinds import KINDS

    try:
        read({kind.name: kind for kind in KINDS})
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command of its own
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
