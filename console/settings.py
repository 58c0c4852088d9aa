"""What a user has chosen: the directory of their configuration files, and `config.toml` in it.

What concerns the store (`[retention]`, `[store]`) is read by the daemon itself.
"""

from __future__ import annotations

from pathlib import Path

from backends.client import config_directory


class SettingsError(Exception):
    """One sentence for the person at the keyboard."""


def directory() -> Path:
    """`$XDG_CONFIG_HOME/quarterdeck`, else under `~/.config`."""
    return config_directory()


def forecast_engine() -> str:
    """`engine` under `[forecast]` in `config.toml`; "local" where nothing is said. SettingsError says what is wrong."""
    import tomllib

    file = directory() / "config.toml"
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("forecast", {})
    except (FileNotFoundError, NotADirectoryError):
        return "local"
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}).") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML ({error}).") from error
    engine = found.get("engine", "local") if isinstance(found, dict) else None
    if not isinstance(engine, str):
        raise SettingsError(f'{file}: forecast.engine needs a text such as "dask:tcp://10.0.0.5:8786".')
    return engine
