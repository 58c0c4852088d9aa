"""`config.toml`: what is chosen in it, and what is said of a file that cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from backends.client import Organization, Reach, Role
from console.cli_commands.session import _tell_problems
from console.cli_commands.spot import spot
from console.settings import SettingsError, directory, forecast_engine, reach
from console.start import Options, target


def choose(text: str) -> Path:
    directory().mkdir(parents=True, exist_ok=True)
    file = directory() / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_where_nothing_is_chosen_challengers_are_fitted_here() -> None:
    assert forecast_engine() == "local"
    choose("[retention]\nhistory_days = 30\n")
    assert forecast_engine() == "local"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[forecast]\nengine = 3\n", "needs a text"),
        ("forecast = 1", "needs to be a table"),
        ("[", "valid TOML"),
        ("[forecast]\nengin = 'x'\n", r"there is no forecast\.engin; did you mean engine\?$"),
        ("[retentoin]\nhistory_days = 30\n", r"there is no table 'retentoin'; did you mean retention\?$"),
    ],
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


ACCOUNTS = """
[[accounts]]
role = "arn:aws:iam::123456789012:role/team/Reader"
external_id = "CANARY-external"
session_name = "ann"
source_profile = "base"
regions = ["eu-west-1", "eu-west-1"]

[[accounts]]
role = "arn:aws-cn:iam::123456789013:role/Reader"

[organizations]
role_name = "Reader"
source_profile = "management"
include = ["/Workloads", "ou-ab12-34567890"]
exclude = ["123456789014"]

[polling]
share = 0.25
"""


def test_where_nothing_is_configured_the_profiles_are_all_there_is() -> None:
    assert reach() == Reach()


def test_accounts_and_an_organization_are_configured_and_go_with_the_context() -> None:
    choose(ACCOUNTS)
    arn = "arn:aws:iam::123456789012:role/team/Reader"
    chosen = Reach(
        (
            Role(arn, "CANARY-external", "ann", "base", ("eu-west-1",)),
            Role("arn:aws-cn:iam::123456789013:role/Reader"),
        ),
        Organization(
            "Reader",
            source_profile="management",
            include=("/Workloads", "ou-ab12-34567890"),
            exclude=("123456789014",),
        ),
        0.25,
    )
    assert reach() == chosen
    assert target(Options())[1].reach == chosen
    assert target(Options(profiles=("prod",)))[1].reach == Reach(share=0.25), "whoever names profiles means those"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts = 3", r"\[\[accounts\]\]"),
        ("accounts = [3]", "needs to be a table"),
        ("[[accounts]]", r"accounts\[1\].role needs the ARN"),
        ('[[accounts]]\nrole = "Reader"', r"accounts\[1\].role needs a text such as"),
        ('[[accounts]]\nrole = "arn:aws:iam::1:role/Reader"', "role needs"),
        ('[[accounts]]\nrole = "arn:aws:iam::123456789012:role/R"\nexternal-id = "x"', "there is no .*external-id"),
        ('[[accounts]]\nrole = "arn:aws:iam::123456789012:role/R"\nexternal_id = "CANARY x"', "external_id needs"),
        ('[[accounts]]\nrole = "arn:aws:iam::123456789012:role/R"\nregions = "eu-west-1"', "regions needs a list"),
        ('[[accounts]]\nrole = "arn:aws:iam::123456789012:role/R"\n' * 2, "named twice"),
        ("[organizations]", "role_name needs"),
        ('[organizations]\nrole_name = "R"\ninclude = ["prod"]', "include needs a list"),
        ("[polling]\nshare = 0", "share needs a number above 0"),
        ("[polling]\nshare = true", "share needs a number"),
        ("polling = 1", "polling needs to be a table"),
    ],
)
def test_accounts_that_cannot_be_meant_are_refused_in_a_sentence_without_the_external_id(text: str, said: str) -> None:
    file = choose(text)
    with pytest.raises(SettingsError, match=said) as problem:
        target(Options())
    assert str(file) in str(problem.value)
    assert "CANARY" not in str(problem.value)


def test_of_accounts_that_refuse_their_role_the_first_is_narrated_and_the_others_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shut = [
        {"account": "", "role": f"arn:aws:iam::{n}:role/R", "state": "denied", "problem": f"no {n}."} for n in (1, 2, 3)
    ]
    expired = {"account": "9", "profile": "old", "state": "expired", "problem": "Log in."}
    _tell_problems({"accounts": [{"account": "8", "state": "ok"}, *shut, expired]})
    assert capsys.readouterr().err.splitlines() == [
        "arn:aws:iam::1:role/R: no 1. 2 more roles refuse; `quarterdeck doctor` names them.",
        "old: Log in.",
    ]
    named = [role | {"problem": f"AWS refuses {role['role']}."} for role in shut[:2]]
    _tell_problems({"accounts": named})
    [line] = capsys.readouterr().err.splitlines()
    assert line == "AWS refuses arn:aws:iam::1:role/R. 1 more role refuses; `quarterdeck doctor` names it."
