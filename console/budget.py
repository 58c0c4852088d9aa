"""What polls may cost: `per_day` under `[costs]` in `config.toml`, USD for an account and a day."""

from __future__ import annotations

from console.settings import SettingsError, directory


def daily_budget() -> float | None:
    """The budget chosen; None where nothing is said, which leaves it to the daemon. SettingsError says what is wrong.

    A running daemon keeps the budget that it was started with.
    """
    file = directory() / "config.toml"
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}).") from error
    import tomllib

    try:
        costs = tomllib.loads(text).get("costs", {})
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML ({error}).") from error
    chosen = costs.get("per_day") if isinstance(costs, dict) else "?"
    if chosen is None:
        return None
    if isinstance(chosen, bool) or not isinstance(chosen, int | float) or not 0 <= chosen < 1e6:
        raise SettingsError(f"{file}: costs.per_day needs USD such as 2.50; 0 sends nothing that costs money.")
    return float(chosen)
