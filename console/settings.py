"""What a user has chosen: the directory of their configuration files, and `config.toml` in it.

What concerns the store (`[retention]`, `[store]`) is read by the daemon itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from backends.client import SESSION_NAME, SHARE, ContextError, Organization, Reach, Role, config_directory
from backends.tables import nearest, unknown_table

_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/([\w+=,.@/-]{1,512})")
_ROLE_NAME = re.compile(r"[\w+=,.@/-]{1,512}")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}")
_LARGEST_BUDGET = 1e6
_MEMBERS = re.compile(r"\d{12}|ou-[a-z0-9-]+|r-[a-z0-9]+|/.*")


class SettingsError(ContextError):
    """What the configuration says cannot be used: one sentence for the person at the keyboard."""


def directory() -> Path:
    """`$XDG_CONFIG_HOME/quarterdeck`, else under `~/.config`."""
    return config_directory()


def _file() -> Path:
    return directory() / "config.toml"


def _read() -> dict[str, Any]:
    """All of `config.toml`; empty where there is none. SettingsError where it cannot be read."""
    file = _file()
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}).") from error
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML ({error}).") from error
    if problem := unknown_table(found):
        raise SettingsError(f"{file}: {problem}")
    return found


def forecast_engine() -> str:
    """`engine` under `[forecast]` in `config.toml`; "local" where nothing is said. SettingsError says what is wrong."""
    section = _Section("forecast", _read().get("forecast", {}))
    engine = section.text("engine", re.compile(r".*"), '"dask:tcp://10.0.0.5:8786"', "local")
    section.done()
    return engine


def reach() -> Reach:
    """`[[accounts]]`, `[organizations]` and `share` under `[polling]`: whose AWS is read beyond the profiles, how fast.

    SettingsError says what is wrong, without repeating an external id.
    """
    found = _read()
    accounts = found.get("accounts", [])
    if not isinstance(accounts, list):
        raise SettingsError(f"{_file()}: accounts are written as [[accounts]], each with a role.")
    roles = [_role(_Section(f"accounts[{place}]", said)) for place, said in enumerate(accounts, 1)]
    if twice := _repeated(role.arn for role in roles):
        raise SettingsError(f"{_file()}: the role {twice} is named twice.")
    organization = (
        _organization(_Section("organizations", found["organizations"])) if "organizations" in found else None
    )
    return Reach(tuple(roles), organization, _share(_Section("polling", found.get("polling", {}))))


def daily_budget() -> float | None:
    """`per_day` under `[costs]`: USD that polls may cost for an account and a day; None leaves it to the daemon.

    SettingsError says what is wrong. A running daemon keeps the budget that it was started with.
    """
    section = _Section("costs", found := _read().get("costs", {}))
    chosen = section.number("per_day", 0.0)
    section.done()
    if "per_day" not in found:
        return None
    if not 0 <= chosen < _LARGEST_BUDGET:
        raise section.wrong("per_day", "USD such as 2.50; 0 sends nothing that costs money")
    return chosen


class _Section:
    """One table of the file, read key by key; `done` refuses what was not read, which is mostly a misspelling."""

    def __init__(self, name: str, said: Any) -> None:
        if not isinstance(said, Mapping):
            raise SettingsError(f"{_file()}: {name} needs to be a table.")
        self.name, self._said, self._read = name, said, set[str]()

    def text(self, key: str, pattern: re.Pattern[str], example: str, default: str = "") -> str:
        self._read.add(key)
        value = self._said.get(key, default)
        if value != default and not (isinstance(value, str) and pattern.fullmatch(value)):
            raise self.wrong(key, f"a text such as {example}")
        return str(value)

    def texts(self, key: str, pattern: re.Pattern[str], example: str) -> tuple[str, ...]:
        self._read.add(key)
        values = self._said.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, str) and pattern.fullmatch(v) for v in values):
            raise self.wrong(key, f"a list such as [{example}]")
        return tuple(dict.fromkeys(values))

    def number(self, key: str, default: float) -> float:
        self._read.add(key)
        value = self._said.get(key, default)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")

    def wrong(self, key: str, needed: str) -> SettingsError:
        return SettingsError(f"{_file()}: {self.name}.{key} needs {needed}.")

    def done(self) -> None:
        if unknown := sorted(self._said.keys() - self._read):
            hint = nearest(unknown[0], sorted(self._read))
            raise SettingsError(f"{_file()}: there is no {self.name}.{unknown[0]}; {hint}")


def _role(section: _Section) -> Role:
    arn = section.text("role", _ROLE, '"arn:aws:iam::123456789012:role/Quarterdeck"')
    if not arn:
        raise section.wrong("role", "the ARN of the role to assume")
    role = Role(arn, *_assuming(section))
    section.done()
    return role


def _organization(section: _Section) -> Organization:
    name = section.text("role_name", _ROLE_NAME, '"OrganizationAccountAccessRole"')
    if not name:
        raise section.wrong("role_name", "the name of the role to assume in each account")
    some = '"123456789012", "ou-ab12-34567890", "/Workloads/Production"'
    included, excluded = (section.texts(key, _MEMBERS, some) for key in ("include", "exclude"))
    organization = Organization(name.strip("/"), *_assuming(section), included, excluded)
    section.done()
    return organization


def _assuming(section: _Section) -> tuple[str, str, str, tuple[str, ...]]:
    """External id, session name, source profile and regions."""
    return (
        section.text("external_id", _EXTERNAL_ID, "what the role's trust policy asks for (2 to 1224 plain characters)"),
        section.text("session_name", _SESSION_NAME, f'"{SESSION_NAME}"', SESSION_NAME),
        section.text("source_profile", re.compile(r".+"), '"base"'),
        section.texts("regions", _REGION, '"eu-west-1", "us-east-1"'),
    )


def _share(section: _Section) -> float:
    share = section.number("share", SHARE)
    if not 0 < share <= 1:
        raise section.wrong("share", "a number above 0 and at most 1: the part of AWS's own rates that is taken")
    section.done()
    return share


def _repeated(names: Iterable[str]) -> str:
    """The first name that comes again, "" for none."""
    return next((name for name, times in Counter(names).items() if times > 1), "")
