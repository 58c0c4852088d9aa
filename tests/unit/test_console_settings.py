"""`config.toml`: what is chosen in it, and what is said of a file that cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.cli_commands.spot import spot
from console.settings import SettingsError, directory, forecast_engine


def choose(text: str) -> Path:
    directory().mkdir(parents=True, exist_ok=True)
    file = directory() / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_where_nothing_is_chosen_challengers_are_fitted_here() -> None:
    assert forecast_engine() == "local"
    choose("[other]\nx = 1\n")
    assert forecast_engine() == "local"


@pytest.mark.parametrize(
    ("text", "said"),
    [("[forecast]\nengine = 3\n", "needs a text"), ("forecast = 1", "needs a text"), ("[", "valid TOML")],
)
def test_a_file_that_cannot_be_used_is_named(text: str, said: str) -> None:
    file = choose(text)
    with pytest.raises(SettingsError, match=said) as problem:
        forecast_engine()
    assert str(file) in str(problem.value)


def test_the_chosen_engine_goes_to_the_backtest_before_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    choose('[forecast]\nengine = "dask:tcp://10.0.0.5:8786"\n')
    called: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command: called.append(command) or 0)
    assert CliRunner().invoke(spot, ["backtest", "--models", "ets", "--engine", "local"]).exit_code == 0
    assert called[0][3:] == ["--engine", "dask:tcp://10.0.0.5:8786", "--models", "ets", "--engine", "local"]
