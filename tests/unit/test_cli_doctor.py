"""`quarterdeck doctor`: what works in one line, what does not by its name, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from backends.client import Context, config_directory
from backends.model import Account
from console.cli_commands import doctor


def test_doctor_tells_what_is_well_in_one_line_and_what_is_not_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    states = {"a.one": "ok", "a.two": "empty", "a.three": "ok", "a.four": "ok", "a.five": "denied", "a.six": "pending"}

    class Client:
        def kinds(self) -> list[dict[str, Any]]:
            return [{"name": name, "permissions": ["a:Read"]} for name in states]

        def coverage(self) -> dict[str, Any]:
            place = {"account": "1", "region": "r", "problem": "no"}
            return {"rows": [place | {"kind": kind, "state": state} for kind, state in states.items()] * 2}

    found = doctor.Findings()
    doctor._coverage(found, Client())  # type: ignore[arg-type]
    lines = [line for line in capsys.readouterr().out.splitlines() if "→" not in line]
    assert lines == [
        "FAIL  kind         a.five: denied in 2 of 2 places, such as 1/r: no",
        "warn  kind         a.six: not polled yet",
        "ok    kinds        4 kinds read in 8 places: a.one, a.two, a.three, …",
    ]
    assert found.failed == ["a.five (denied)"]


def test_doctor_tells_a_cause_that_several_kinds_share_once(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"a.k{number}" for number in range(5)]

    class Client:
        def kinds(self) -> list[dict[str, Any]]:
            looked_at = {"name": "b.metric", "permissions": [], "on_demand": True}
            return [*({"name": name, "permissions": []} for name in (*names, "b.new", "b.newer")), looked_at]

        def coverage(self) -> dict[str, Any]:
            rows = [{"account": "1", "region": r, "kind": name, "state": "error"} for name in names for r in "rs"]
            return {"rows": [row | {"problem": f"a:List{row['kind'][-1]}X got no answer."} for row in rows]}

    found = doctor.Findings()
    doctor._coverage(found, Client())  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  kinds        5 kinds, such as a.k0, a.k1, a.k2: error in 10 of 10 places, such as 1/r: got no answer.",
        "                   → it is tried again by itself",
        "warn  kinds        b.new, b.newer: not polled yet",
        "                   → quarterdeck poll --once",
    ]
    assert found.failed == ["5 kinds, such as a.k0, a.k1, a.k2 (error)"]


def test_doctor_tells_that_an_account_it_can_read_may_have_more_regions(capsys: pytest.CaptureFixture[str]) -> None:
    account = Account("1", "arn:aws:iam::1:user/u", regions=("us-east-1",), problem="Its regions are not known now.")

    class Client:
        def register(self, context: Context) -> dict[str, Any]:
            return {"accounts": [account.as_json()]}

    found = doctor.Findings()
    assert doctor._credentials(found, Client(), Context())  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == [
        "ok    credentials  default chain: account 1 as arn:aws:iam::1:user/u; regions us-east-1",
        "warn  regions      1: Its regions are not known now.",
    ]
    assert not found.failed


@pytest.mark.parametrize(("others", "mark"), [([Account("1")], "warn"), ([], "FAIL")])
def test_doctor_tells_what_is_chosen_of_an_organization_that_it_does_not_have(
    others: list[Account], mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = Account("", problem="The organization has no account, unit or path '/Prodution' (include).", role="r")

    class Client:
        def register(self, context: Context) -> dict[str, Any]:
            return {"accounts": [account.as_json() for account in (*others, lacking)]}

    found = doctor.Findings()
    assert doctor._credentials(found, Client(), Context()) == bool(others)  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"{mark}  organization {lacking.problem}",
        "                   → correct include and exclude of [organizations] in config.toml",
    ]


def test_doctor_tells_what_the_next_daemon_would_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    config_directory().mkdir(parents=True)
    file = config_directory() / "config.toml"
    for days, failed in ((3, []), (0, ["config"])):
        file.write_text(f"[retention]\nhistory_days = {days}\n")
        found = doctor.Findings()
        doctor._configuration(found)
        assert found.failed == failed
    assert capsys.readouterr().out.splitlines() == [
        f"FAIL  config       {file}: retention.history_days is a number of days from 1 to 36500, not 0.",
        "                   → correct it: the daemon that runs keeps to what it read, and the next one does not start",
    ]
