"""The command line: data on stdout, narration on stderr, exit codes that mean something."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_samples import HOSTILE, MARKET, Connected, at, forecast, match
from click.testing import CliRunner, Result

from backends.client import BackendError, Organization, Reach, Role
from backends.store import parse_instant
from console.cli_commands import COMMANDS, imports, policy, session
from console.cli_commands.failures import explain, nearest, no_such_kind
from console.cli_commands.output import counted
from console.cli_commands.root import root
from console.reports.text import money
from console.reports.write import ReportError
from console.start import Options
from console.views import VIEWS

Run = Callable[..., Result]


@pytest.fixture
def client() -> Connected:
    return Connected()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, client: Connected) -> Run:
    monkeypatch.delenv("QUARTERDECK_DEMO", raising=False)
    monkeypatch.setattr(session, "target", lambda options: (None, options))
    monkeypatch.setattr(session, "connect_sync", lambda spec, context: client)
    runner = CliRunner()

    def invoke(*arguments: str, **more: Any) -> Result:
        result = runner.invoke(root, list(arguments), prog_name="quarterdeck", **more)
        if result.exception and not isinstance(result.exception, SystemExit):
            result.exit_code = explain(result.exception)
        return result

    return invoke


@pytest.mark.parametrize(
    "words",
    [
        [],
        *([name] for name in COMMANDS),
        *(["spot", name] for name in ("forecast", "rank", "risk", "savings", "demand")),
        *(["import", name] for name in ("spot-history", "spot-advisor")),
    ],
)
def test_every_command_has_help(run: Run, words: list[str]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0 and "Usage: quarterdeck" in result.stdout


def test_the_version_is_data(run: Run) -> None:
    assert run("--version").stdout == "0.1.0\n"


def test_an_unknown_command_names_the_nearest(run: Run) -> None:
    result = run("chnages")
    assert result.exit_code == 2 and "Did you mean changes" in result.stderr and result.stdout == ""


@pytest.mark.parametrize("view", ["", *VIEWS])
def test_without_a_terminal_a_view_says_what_to_use_instead(run: Run, capsys: Any, view: str) -> None:
    result = run(*([view] if view else []))
    assert result.exit_code == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_ls_shows_a_table_that_cannot_harm_the_terminal(run: Run) -> None:
    result = run("ls", "ec2.instance")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["ACCOUNT", "REGION", "ID", "NAME", "LAUNCHED", "CPUS", "HEALTH"]
    assert len(lines) == 4 and not set("\x1b\x07\u202e") & set(result.stdout)
    assert "3 ec2.instance" in result.stderr and "1 denied" in result.stderr
    assert "ec2:DescribeInstances is denied" in result.stderr


def test_ls_says_when_the_newest_and_the_oldest_place_were_heard_of(run: Run) -> None:
    told = "as of 2026-11-23 13:00 UTC (111122223333/eu-west-1: 2026-11-22 18:00)"
    assert told in run("ls", "ec2.instance").stderr, "not the moment of asking, which is 14:00"


def test_ls_blames_a_poll_under_way_only_where_no_poll_has_ended_badly(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(states: dict[str, int]) -> str:
        partly = client.rows("ec2.instance")
        partly |= {"partial": True, "coverage": partly["coverage"] | {"states": states}}
        monkeypatch.setattr(client, "rows", lambda *_, **__: partly)
        return run("ls", "ec2.instance").stderr

    assert "(partial: a poll is under way); coverage: 1 ok, 1 pending" in told({"ok": 1, "pending": 1})
    assert "(partial); coverage: 1 ok, 1 error" in told({"ok": 1, "error": 1})


def test_ls_json_is_exact_and_ascii(run: Run) -> None:
    result = run("ls", "ec2.instance", "-o", "json")
    rows = json.loads(result.stdout)
    assert result.stdout.isascii() and rows[0]["name"] == HOSTILE and rows[0]["tags"] == {"k": HOSTILE}


def test_ls_csv_runs_no_formula(run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = client.rows

    def evil(kind: str, **window: Any) -> Any:
        answer = plain(kind, **window)
        answer["rows"][0][4], answer["rows"][1][4] = "=HYPERLINK(1)", "-5"
        return answer

    monkeypatch.setattr(client, "rows", evil)
    rows = list(csv.DictReader(io.StringIO(run("ls", "ec2.instance", "-o", "csv").stdout)))
    assert [row["name"] for row in rows[:2]] == ["'=HYPERLINK(1)", "-5"] and len(rows) == 3


def test_what_is_chosen_of_an_organization_and_is_not_there_is_told_beside_the_rows(
    run: Run, client: Connected
) -> None:
    client.registration["accounts"].append({"account": "", "state": "ok", "problem": "The organization has no '/X'."})
    listed = run("ls", "ec2.instance")
    assert (listed.exit_code, "The organization has no '/X'." in listed.stderr) == (0, True)


def test_ls_reads_every_page_and_tells_what_it_cut(run: Run, client: Connected) -> None:
    client.total = 2500
    assert len(json.loads(run("ls", "ec2.instance", "-o", "json").stdout)) == 2500
    assert [window.get("offset", 0) for name, window in client.calls if name == "rows"] == [0, 1000, 2000]
    result = run("ls", "ec2.instance", "-o", "json", "--limit", "1200")
    assert len(json.loads(result.stdout)) == 1200 and "first 1200 of 2500" in result.stderr


def test_ls_hands_its_window_to_the_daemon(run: Run, client: Connected) -> None:
    run("ls", "ec2.instance", "--filter", "state=running", "--sort", "-launched", "--at", "-2d", "--account", "1")
    window = client.calls[0][1]
    assert (window["filter"], window["sort"], window["at"]) == ("state=running", "-launched", "-2d")
    assert window["accounts"] == ("1",)


def test_ls_that_finds_nothing_says_among_how_many(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(kind: str, **window: Any) -> dict[str, Any]:
        return Connected(0 if window["filter"] else 7).rows(kind, **window)

    monkeypatch.setattr(client, "rows", rows)
    result = run("ls", "ec2.instance", "--filter", "state=stoped")
    assert result.exit_code == 0 and "0 of 7 ec2.instance match state=stoped, as of" in result.stderr
    assert "match" not in run("ls", "ec2.instance").stderr


def test_ls_that_finds_nothing_says_how_a_value_with_blanks_is_written(run: Run, client: Connected) -> None:
    assert 'as in name="web one"' not in run("ls", "ec2.instance", "--filter", "name=web one").stderr
    client.total = 0
    assert 'as in name="web one"' in run("ls", "ec2.instance", "--filter", "name=web one").stderr


def test_the_week_of_a_group_is_not_told_where_its_name_is_that_of_several(
    run: Run, client: Connected, capsys: Any
) -> None:
    def group(account: str) -> dict[str, Any]:
        return {"account": account, "region": "r1", "name": "web", "unknown": None}

    hour = {"at": at(1), "need": 3.0, "low": 2.0, "high": 4.0, "naive": 3.0, "day": 3.0, "week": 3.0, "profile": 3.0}
    answer: dict[str, Any] = {"groups": [group("1"), group("2")], "path": [], "scores": [], "as_of": at(0)}
    answer |= {"at": None, "coverage": {"states": {"ok": 2}}}
    client.demand = lambda *_, **__: answer  # type: ignore[attr-defined]
    result = run("spot", "demand", "web")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'web' names 2 groups, such as 1/r1/web and 2/r1/web; say more of it." in capsys.readouterr().err
    answer |= {"groups": [group("2")], "path": [hour]}
    assert "2/r1/web at 60 % CPU" in run("spot", "demand", "2/r1/web").stderr


@pytest.mark.parametrize("words", [["savings"], ["demand"], ["risk"], ["rank", "vcpu>=4"]])
def test_what_was_not_observed_then_is_not_known_and_no_zero(run: Run, client: Connected, words: list[str]) -> None:
    blind = {"states": {"unobserved": 6}, "problems": ["1/r1: not observed before this instant"]}
    way = dict.fromkeys(("hourly", "hourly_low", "hourly_high", "on_demand", "saving", "saving_low", "saving_high"))
    answer: dict[str, Any] = {"at": at(-9), "as_of": at(-9), "coverage": blind, "groups": [], "risk": [], "pools": []}
    answer |= {"running": 0, "unpriced": 0, "unpriced_types": [], "totals": [way | {"way": "spot", "instances": 0}]}
    answer |= {"need": "vcpu>=4", "account": "1", "frontier": [], "scores_asked": [], "scores_a_day": 20}
    answer["problem"] = "No instance types are known of that instant."
    for name in ("savings", "demand", "risk", "pools"):
        setattr(client, name, lambda *_, **__: answer)
    result = run("spot", *words, "--at", "-9h")
    told = result.stdout + result.stderr
    assert "coverage: 6 unobserved" in told and "1/r1: not observed before this instant" in told
    assert "not known" in told or words[0] == "rank"
    assert not re.search(r"(?<![\d:])0 (of|pools|groups|instances)|import spot-advisor|--score", told)
    assert json.loads(run("spot", *words, "--at", "-9h", "-o", "json").stdout)["coverage"] == blind


def test_the_audit_of_an_instant_before_anything_was_done_says_so(run: Run, client: Connected) -> None:
    client.audit = lambda **_: []  # type: ignore[method-assign, assignment]
    assert "Nothing had been done through Quarterdeck by then (-9h)" in run("audit", "list", "--at", "-9h").stderr


@pytest.mark.parametrize(
    "words",
    [
        *(["ls", "ec2.instance", "--at"], ["describe", "i-1", "--at"], ["audit", "list", "--at"]),
        *(["changes", option] for option in ("--since", "--from", "--to", "--until")),
        *(["spot", name, "--at"] for name in ("forecast", "rank", "risk", "savings", "demand")),
        *(["report", "-o", "r.md", option] for option in ("--at", "--since")),
        ["import", "spot-advisor", "f", "--as-of"],
    ],
)
def test_an_instant_that_is_said_to_be_empty_is_refused_as_any_text_that_is_none(
    run: Run, client: Connected, capsys: Any, words: list[str]
) -> None:
    assert run(*words, "").exit_code == 2
    with pytest.raises(ValueError) as refused:
        parse_instant("")
    assert str(refused.value) in capsys.readouterr().err and client.calls == []


def test_what_is_unpriced_is_named_by_its_first_three_types(run: Run, client: Connected) -> None:
    types = ["m5.large", "c5.large", "r6i.large", "t3.nano", "x2.huge"]
    answer = {"running": 224, "unpriced": 47, "unpriced_types": types, "totals": [], "at": None, "as_of": at(0)}
    client.savings = lambda *_, **__: answer | {"coverage": {"states": {"ok": 6}}}  # type: ignore[attr-defined]
    told = run("spot", "savings", "--at", "-1h").stderr
    assert "224 instances run, 47 of them unpriced in some way (m5.large, c5.large, r6i.large and 2 more)" in told


def test_no_count_is_made_of_instances_that_nobody_observed(run: Run, client: Connected) -> None:
    ways = [{"way": "on demand", "instances": 0}]
    answer = {"running": 0, "unpriced": 0, "unpriced_types": [], "totals": ways, "at": at(0), "as_of": at(0)}
    client.savings = lambda *_, **__: answer | {"coverage": {"states": {"unobserved": 6}}}  # type: ignore[attr-defined]
    told = run("spot", "savings", "--at", "-1h", "-o", "json")
    found = json.loads(told.stdout)
    assert (found["running"], found["unpriced"], found["totals"][0]["instances"]) == (None, None, None)
    assert "Running instances: not known" in told.stderr


def test_ls_polls_what_was_never_polled(run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = client.rows

    def young(kind: str, **window: Any) -> Any:
        answer = plain(kind, **window)
        return (
            answer if ("poll", ("ec2.instance",)) in client.calls else answer | {"coverage": {"states": {"pending": 6}}}
        )

    monkeypatch.setattr(client, "rows", young)
    result = run("ls", "ec2.instance")
    assert "never polled here; polling it now" in result.stderr and "i-0" in result.stdout


def test_ls_names_the_nearest_kind_and_column(run: Run, capsys: Any) -> None:
    assert run("ls", "ec2.instnace").exit_code == 2
    assert "Did you mean ec2.instance?" in capsys.readouterr().err
    assert run("ls", "instance").exit_code == 2
    assert "Did you mean ec2.instance?" in capsys.readouterr().err
    assert run("ls", "ec2.instance", "--columns", "id,nmae").exit_code == 2
    assert "no column 'nmae'; did you mean name?" in capsys.readouterr().err


def test_columns_are_chosen_in_order(run: Run) -> None:
    assert "TAGS" in run("ls", "ec2.instance", "--wide").stdout
    assert run("ls", "ec2.instance", "--columns", "cpus,id").stdout.splitlines()[0].split() == ["CPUS", "ID"]


def test_changes_since_a_span_means_that_long_ago(run: Run, client: Connected) -> None:
    result = run("changes", "--since", "2h", "ec2.instance")
    assert client.calls[-1] == ("changes", ("-2h", "", ("ec2.instance",), 500, "now"))
    assert "ec2.volume was not observed all that time in 111122223333/r1 and 2 more" in result.stderr
    assert "2 changes," in result.stderr and "pending →" in result.stdout and "\x1b" not in result.stdout


def test_changes_of_days_that_were_thinned_are_said_to_be(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"thinned": {"ec2.instance": "2026-11-19T00:00:00Z"}}
    changes = client.changes
    monkeypatch.setattr(client, "changes", lambda **asked: changes(**asked) | told)
    assert "ec2.instance: the changes of a day are told as one before" in run("changes").stderr


def test_changes_of_a_time_before_history_is_kept_say_from_when_on_it_is(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"kept_from": {"ec2.instance": "2026-11-19T00:00:00Z", "ec2.volume": "2026-11-19T00:00:00Z"}}
    changes = client.changes
    monkeypatch.setattr(client, "changes", lambda **asked: changes(**asked) | told)
    assert "ec2.instance, ec2.volume: history is kept from 2026-11-19 00:00 UTC on" in run("changes").stderr


def test_changes_between_two_instants_say_who_did_them_or_why_that_is_unknown(run: Run, client: Connected) -> None:
    result = run("changes", "--from", "2026-11-20T12:00Z", "--to", "2026-11-20T14:00Z")
    assert client.calls[-1] == ("changes", ("2026-11-20T12:00Z", "2026-11-20T14:00Z", (), 500, "now"))
    done, unknown = result.stdout.splitlines()[1:]
    assert "StopInstances 12:05:30" in done and "\x1b" not in done
    assert "unknown" in unknown and "up to 15 minutes late" in unknown
    told = json.loads(run("changes", "-o", "json").stdout)
    assert told[0]["events"][0]["name"] == "StopInstances" and told[1]["why"].startswith("CloudTrail tells")


def test_describe_tells_what_is_gone_as_it_was_last_known_and_who_removed_it(run: Run, client: Connected) -> None:
    client.called["i-1"] = [match("us-east-1", gone=at(-1))]
    result = run("describe", "i-1", "--at", "-1m", "--account", "111122223333")
    assert client.calls[0] == ("find", ("i-1", (), {"at": "-1m", "accounts": ("111122223333",)}))
    assert client.calls[1] == ("resource", ("ec2.instance@111122223333/us-east-1/i-1", "-1m", True))
    told = result.stdout
    assert "bad: down" in told and "removed by alice: TerminateInstances 12:05:30" in told and "\x1b" not in told
    assert "state: running → stopped" in told and "2 EBS volumes" in told and "--filter attached=i-1" in told
    assert "is gone" in result.stderr and "by alice" in result.stderr
    # What is gone has its counts of when it was last there, and so has the command that lists them.
    assert f"--filter attached=i-1 --at {at(-1)}" in told
    assert "coverage: its polls are denied since" in told and "its polls are denied since" in result.stderr
    assert json.loads(run("describe", "i-1", "--raw").stdout) == {"InstanceId": "i-1"}
    assert json.loads(run("describe", "i-1", "-o", "json").stdout)["row"]["name"] == HOSTILE


@pytest.mark.parametrize("words", [["describe"], ["changes"], ["plan", "autoscaling.set_desired_capacity"]])
def test_a_name_of_several_lists_them_and_nothing_is_done(run: Run, client: Connected, capsys: Any, words: Any) -> None:
    client.called["web"] = [match("us-east-1"), match("eu-west-1")]
    assert run(*words, "web").exit_code == 2
    assert {name for name, _ in client.calls} == {"find"}
    assert run(*words, "nosuch").exit_code == 2
    assert "'web' names 2 resources" in (said := capsys.readouterr().err) and "'nosuch'" in said


@pytest.mark.parametrize("words", [["describe"], ["plan", "autoscaling.set_desired_capacity"]])
def test_an_empty_name_is_no_name(run: Run, capsys: Any, words: list[str]) -> None:
    assert run(*words, "").exit_code == 2
    assert "'' names no resource: write a reference, an id, an ARN or a name." in capsys.readouterr().err


def test_what_a_name_may_mean_is_listed_by_reference(run: Run, client: Connected) -> None:
    client.called["web"] = [match("us-east-1"), match("eu-west-1")]
    told = run("describe", "web").stderr
    assert all(f"ec2.instance@111122223333/{region}/i-1" in told for region in ("us-east-1", "eu-west-1"))
    assert "\x1b" not in told


def test_a_plan_takes_the_name_of_one_resource_that_its_action_is_for(run: Run, client: Connected) -> None:
    client.called["web"] = [match("us-east-1")]
    assert run("plan", "autoscaling.set_desired_capacity", "web", "-p", "desired=3").exit_code == 0
    assert client.calls[0][1][:2] == ("web", ("autoscaling.group",))
    assert client.calls[-1][1][1] == ("ec2.instance@111122223333/us-east-1/i-1",)


def test_changes_are_of_one_resource_by_one_person_and_in_one_account_where_that_is_said(
    run: Run, client: Connected
) -> None:
    client.called["i-1"] = [match("us-east-1")]
    assert run("changes", "i-1", "--by", "alice", "--account", "111122223333").exit_code == 0
    wanted = {"ref": "ec2.instance@111122223333/us-east-1/i-1", "by": "alice", "accounts": ("111122223333",)}
    assert client.narrowed == wanted
    assert run("changes", "ec2.instance", "i-1").exit_code == 2


def test_sql_reads_stdin_and_tells_that_it_cut(run: Run, client: Connected) -> None:
    result = run("sql", "-", input="select 1")
    assert client.calls == [("sql", ("select 1", ""))] and "Only the first 1 rows" in result.stderr
    assert "vpc.vpc: coverage: 2 ok, 1 denied\n  1/eu-west-1: ec2:DescribeVpcs is denied" in result.stderr
    assert "\x1b" not in result.stdout + run("sql", "select 1", "-o", "csv").stdout, "headings are harmless too"
    then = run("sql", "select 1", "--at", "2026-11-20T14:02:00Z").stderr
    assert "vpc.vpc: as of 2026-11-20 14:02 UTC; coverage: 2 ok, 1 denied" in then


def test_how_much_is_where_nothing_was_observed_is_not_known(run: Run, client: Connected) -> None:
    place = {
        "account": "1",
        "region": "r1",
        "kind": "ec2.instance",
        "rows": 0,
        "calls": 0,
        "retries": 0,
        "seconds": 0.0,
    }
    blind = place | {"state": "unobserved", "cost": 0.0, "last_good": None, "last_try": None, "problem": "not yet"}
    empty = place | {"state": "empty", "cost": 0.0, "last_good": at(-9), "last_try": at(-9), "problem": ""}
    client.coverage = lambda **_: {"rows": [blind, empty]}  # type: ignore[method-assign]
    told = list(csv.DictReader(io.StringIO(run("daemon", "coverage", "--at", "-9h", "-o", "csv").stdout)))
    assert [(row["state"], row["rows"], row["calls"]) for row in told] == [("unobserved", "", "0"), ("empty", "0", "0")]


def test_poll_once_prints_coverage_and_a_denied_kind_is_no_failure(run: Run, client: Connected) -> None:
    result = run("poll", "ec2.instance", "--once")
    assert result.exit_code == 0 and "denied" in result.stdout and client.calls == [("poll", ("ec2.instance",))]


def test_a_past_forecast_is_told_with_the_prices_that_held_after_it(
    run: Run, client: Connected, monkeypatch: Any
) -> None:
    came = [[at(2.5), 0.06], [at(4.5), 0.07]]
    judged = [{"hours": 24, "forecasts": 2, "error": 0.1, "naive": 0.2, "skill": 0.5, "inside80": 1.0, "inside95": 1.0}]
    told = forecast() | {"actual": came, "record": judged}
    monkeypatch.setattr(client, "forecast", lambda ref, back=0: told if back == 24 else forecast(ref))
    rows = list(csv.DictReader(io.StringIO(run("spot", "forecast", MARKET, "--back", "24", "-o", "csv").stdout)))
    assert [row["actual"] for row in rows[:6]] == ["0.05", "0.05", "0.06", "0.06", "", ""]
    assert "ACTUAL" in run("spot", "forecast", MARKET, "--back", "24").stdout
    assert "ACTUAL" not in run("spot", "forecast", MARKET).stdout
    assert "0.5" in run("spot", "forecast", MARKET, "--back", "24", "--record").stdout
    assert run("spot", "forecast", "--record").exit_code == 2
    listed = list(csv.DictReader(io.StringIO(run("spot", "forecast", "-o", "csv").stdout)))
    assert listed[0]["ref"] == MARKET and listed[0]["mae_24"] == "0.08"


def test_forecasts_come_with_their_skill(run: Run, capsys: Any) -> None:
    result = run("spot", "forecast")
    assert "+8 %" in result.stdout and "MAE SKILL" in result.stdout
    one = run("spot", "forecast", "m5.large")
    assert one.exit_code == 0 and len(one.stdout.splitlines()) == 170
    assert run("spot", "forecast", "m7.large").exit_code == 2
    assert "no forecast for a market 'm7.large'" in capsys.readouterr().err
    assert json.loads(run("spot", "forecast", MARKET, "-o", "json").stdout)["model"] == "knots"


def test_findings_are_listed_and_made_afresh_when_asked(run: Run, client: Connected) -> None:
    assert "1 anomaly," in run("anomalies").stderr and client.calls == []
    run("anomalies", "scan")
    run("advise", "--fresh")
    assert client.calls == [("analyze", ("anomalies",)), ("analyze", ("advice",))]
    result = run("advise")
    assert "$12.50 a month" in result.stdout and "-p force=false" in result.stdout and "\x1b" not in result.stdout


def test_in_china_advice_plans_and_savings_are_told_in_cny(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, planned = client.advice()[0] | {"currency": "CNY"}, client.planned("p-1")
    partition = client.status() | {"partition": "aws-cn"}
    monkeypatch.setattr(client, "status", lambda: partition)
    monkeypatch.setattr(client, "advice", lambda: [given])
    monkeypatch.setattr(
        client, "planned", lambda plan: planned | {"id": plan, "monthly_cost_change": -70.0, "currency": "CNY"}
    )
    way = {"way": "spot", "instances": 1, "hourly": 0.4, "hourly_low": 0.3, "hourly_high": 0.5, "on_demand": None}
    way |= {"saving": None, "saving_low": None}
    answer = {"running": 1, "unpriced": 0, "unpriced_types": [], "totals": [way], "at": None, "as_of": at(0)}
    client.savings = lambda *_, **__: answer | {"coverage": {"states": {"ok": 1}}, "currency": "CNY"}  # type: ignore[attr-defined]
    told = [run(*words) for words in (["advise"], ["spot", "savings"], ["plan", "a", "ec2.volume@1/r/v"])]
    for result, said in zip(told, ("[CNY 12.50 a month]", "CNY/H", "-CNY 70.00 a month"), strict=True):
        assert said in result.stdout and not re.search(r"USD|\$\d", result.output)
    monkeypatch.setattr(client, "advice", lambda: [given | {"monthly_saving": None}])
    assert "1 piece of advice, none of it priced" in run("advise").stderr
    monkeypatch.setattr(client, "advice", list)
    monkeypatch.setattr(client, "coverage", lambda: {"rows": [{"kind": "ec2.volume", "last_good": at(0)}]})
    assert "0 pieces of advice, CNY 0.00 a month" in run("advise").stderr


@pytest.mark.parametrize(("last_good", "judged"), [(None, False), ("2026-11-23T13:00:00Z", True)])
def test_nothing_found_is_not_nothing_looked_at(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch, last_good: str | None, judged: bool
) -> None:
    monkeypatch.setattr(client, "anomalies", list)
    monkeypatch.setattr(client, "advice", list)
    monkeypatch.setattr(client, "coverage", lambda: {"rows": [{"kind": "spot.price", "last_good": last_good}]})
    anomalies, advice = run("anomalies").stderr, run("advise").stderr
    assert ("0 anomalies" in anomalies, "0 pieces of advice" in advice) == (judged, judged)
    assert ("Nothing was scanned" in anomalies, "Nothing was judged" in advice) == (not judged, not judged)


def test_without_a_forecast_the_reason_is_the_markets_own(
    run: Run, client: Connected, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(client, "forecasts", list)
    monkeypatch.setattr(client, "forecast", lambda ref: {"reason": "only 3 hours of prices are known"})
    assert run("spot", "forecast").exit_code == 1
    assert "of the 3 markets that are known" in (said := capsys.readouterr().err)
    assert "only 3 hours of prices are known. Import a longer history." in said
    monkeypatch.setattr(client, "rows", lambda kind, **_: {"total": 0, "rows": []})
    assert run("spot", "forecast").exit_code == 1
    assert "no spot prices are known" in capsys.readouterr().err


def test_a_plan_is_shown_exactly_or_as_json(run: Run, client: Connected) -> None:
    result = run("plan", "autoscaling.set_desired_capacity", "autoscaling.group@1/r/web", "-p", "desired=3")
    assert client.calls[-1][1][2] == {"desired": "3"}
    assert "desired: 2 → 3" in result.stdout and "aws autoscaling set-desired-capacity" in result.stdout
    assert "unpriced" in result.stdout and "\x1b" not in result.stdout
    told = run("plan", "a", "b", "-o", "json")
    assert json.loads(told.stdout)["id"] == "p-1"
    assert "-p desired=INTEGER" in run("plan").stdout


@pytest.mark.parametrize("words", [["plan", "a"], ["plan", "a", "b", "-p", "desired"]])
def test_half_a_plan_is_a_usage_error(run: Run, words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_apply_without_write_is_refused_by_the_daemon(run: Run, client: Connected, capsys: Any) -> None:
    assert run("apply", "p-1").exit_code == 3
    assert client.calls == [("execute", ("p-1", "", ""))]
    assert "read-only here: nothing was sent" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["apply", "p-1", "--write"], ["--write", "apply", "p-1"]])
def test_apply_with_write_opens_a_window_and_carries_out(run: Run, client: Connected, words: list[str]) -> None:
    result = run(*words, "--confirm", "y")
    assert result.exit_code == 0 and "quarterdeck undo 7 --write" in result.stderr
    assert [name for name, _ in client.calls] == ["write_window", "execute"]
    assert client.calls[-1][1] == ("p-1", "t" * 64, "y")


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1), ("unknown", 1), ("refused", 3)])
def test_the_outcome_is_the_exit_code(run: Run, client: Connected, state: str, code: int) -> None:
    client.plan_state = state
    assert run("apply", "p-1", "--write", "--confirm", "y").exit_code == code


def test_apply_takes_a_plan_file_or_stdin(run: Run, client: Connected, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "plan.json"
    file.write_text(run("plan", "a", "b", "-o", "json").stdout)
    run("apply", str(file), "--write", "--confirm", "y")
    run("apply", "-", "--write", "--confirm", "y", input=file.read_text())
    assert [said[0] for name, said in client.calls if name == "execute"] == ["p-1", "p-1"]
    file.write_text("[]")
    assert run("apply", str(file)).exit_code == 2
    assert "holds no plan" in capsys.readouterr().err


def test_undo_shows_the_way_back_and_goes_it_only_with_write(run: Run, client: Connected) -> None:
    assert run("undo", "7").exit_code == 0
    assert client.calls == [("undo", "7")]
    assert run("undo", "7", "--write", "--confirm", "y").exit_code == 0
    assert client.calls[-1][0] == "execute"


def test_audit_lists_and_verify_fails_on_an_edited_record(run: Run, capsys: Any) -> None:
    for words in (["--limit", "1"], ["-o", "json"]):
        assert run("audit", *words).stdout == run("audit", "list", *words).stdout != ""
    assert "seen by AWS" in run("audit").stdout and "\x1b" not in run("audit", "list").stdout
    result = run("audit", "verify")
    assert result.exit_code == 1 and "record 2: was edited" in result.stderr
    assert "not whole: 1 problem in 3 records" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["audit", "--at", "-1h", "list"], ["anomalies", "-o", "json", "scan"]])
def test_what_a_command_would_not_hear_of_is_refused(run: Run, capsys: Any, words: list[str]) -> None:
    assert run(*words).exit_code == 2
    assert f"Write {words[1].replace('-o', '--output')} after '{words[-1]}'" in capsys.readouterr().err
    assert run(words[0], "--demo", words[-1]).exit_code == 0, "which daemon is meant may be said anywhere"


def test_a_report_is_written_and_named(run: Run, tmp_path: Path, capsys: Any) -> None:
    result = run("report", "-o", str(tmp_path / "r.html"))
    assert result.stdout == f"{tmp_path / 'r.html'}\n" and (tmp_path / "r.html").stat().st_size > 10_000


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_asked(
    run: Run, client: Connected, tmp_path: Path, capsys: Any
) -> None:
    assert run("report", "-o", str(tmp_path / "no" / "r.html")).exit_code == 1
    assert client.calls == [] and "does not exist" in capsys.readouterr().err


def test_options_are_the_same_before_and_after_the_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Options] = []
    monkeypatch.setattr(session, "target", lambda options: (seen.append(options), options))
    run("--profile", "a", "--region", "eu-west-1", "--demo", "ls", "ec2.instance")
    run("ls", "ec2.instance", "--profile", "a", "--region", "eu-west-1", "--demo")
    assert seen == [Options(("a",), "eu-west-1", demo=True)] * 2


@pytest.mark.parametrize(
    ("said", "flag", "wanted"),
    [
        ("", False, None),
        ("0", False, None),
        ("1", False, ""),
        ("8-calm", False, "8-calm"),
        ("", True, ""),
        ("8-calm", True, "8-calm"),
    ],
)
def test_which_demo_is_meant(monkeypatch: pytest.MonkeyPatch, said: str, flag: bool, wanted: str | None) -> None:
    monkeypatch.setenv("QUARTERDECK_DEMO", said)
    assert Options(demo=flag).wanted_demo == wanted


@pytest.mark.parametrize(
    "words",
    [
        ["--json"],
        ["--port", "1"],
        ["--serve", "--write"],
        ["--serve", "--headless"],
        ["--report", "r.html"],
        ["--seed", "x"],
    ],
)
def test_demo_options_that_do_not_go_together_are_refused(run: Run, words: list[str]) -> None:
    assert run("demo", *words).exit_code == 2


def test_import_names_a_file_that_is_not_there(run: Run, tmp_path: Path, capsys: Any) -> None:
    assert run("import", "spot-history", str(tmp_path / "gone.json")).exit_code == 1
    assert "gone.json is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (BackendError("no-credentials", "No AWS credentials were found", 401), 2, "quarterdeck demo"),
        (BackendError("other-endpoint", "The store is another's.", 409), 2, "another's"),
        (BackendError("read-only", "Read-only.", 403), 3, "Read-only"),
        (BackendError("bad-filter", "There is no column 'sate'.", 400), 2, "sate"),
        (BackendError("daemon", "It stopped.", 0), 1, "It stopped"),
        (OSError(28, "No space left on device", "/x"), 1, "No space left on device: /x."),
        (RuntimeError("odd\x1b[31m"), 1, "QUARTERDECK_DEBUG=1"),
        (ReportError("A report is .html.", usage=True), 2, "A report is"),
        (ReportError("The disk is full."), 1, "full"),
    ],
)
def test_every_failure_is_one_sentence_and_a_code(capsys: Any, error: Exception, code: int, sentence: str) -> None:
    assert explain(error) == code
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1 and "\x1b" not in told and "Traceback" not in told


def test_the_policy_lists_what_polling_needs_and_actions_apart() -> None:
    kinds = [{"permissions": ["ec2:DescribeInstances"]}, {"permissions": ["ec2:DescribeInstances", "iam:ListUsers"]}]
    actions = [{"permissions": ["ec2:StopInstances"], "reads": ["ec2:DescribeInstances"]}]
    first, second = policy.document(kinds, actions)["Statement"]
    assert {"ec2:DescribeInstances", "iam:ListUsers", "sts:GetCallerIdentity"} <= set(first["Action"])
    assert second["Action"] == ["ec2:StopInstances"] and len(policy.document(kinds, [])["Statement"]) == 1


def test_the_policy_lets_its_identity_reach_the_accounts_that_are_configured_and_no_other() -> None:
    own, audited = Organization("Quarterdeck"), Role("arn:aws-cn:iam::123456789012:role/Audit")
    assert policy.reaching(Reach(), "aws") == []
    listing, assuming = policy.reaching(Reach((audited,), own), "aws-cn")
    assert listing["Action"] == ["organizations:ListAccounts"]
    assert assuming["Resource"] == ["arn:aws-cn:iam::*:role/Quarterdeck", audited.arn]
    assert assuming["Action"] == ["sts:AssumeRole"]
    numbers, units = (replace(own, exclude=(name,)) for name in ("123456789012", "/Sandbox"))
    assert len(policy.reaching(Reach(organization=numbers), "aws")[0]["Action"]) == 1
    wanted = policy.reaching(Reach(organization=units), "aws")[0]["Action"]
    assert set(wanted) == {policy.LISTING, *policy.UNITS}
    assert [said["Sid"] for said in policy.document([], [], [listing])["Statement"]][-1] == "QuarterdeckLists"


def test_imports_leave_no_directory_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), imports._work(tmp_path) as folder:
        (folder / "part-0.arrow").write_bytes(b"x")
        raise RuntimeError
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unpriced"), (-468.66, "-$468.66"), (1234.5, "$1,234.50"), (-0.001, "$0.00"), (0, "$0.00")],
)
def test_money_has_its_sign_before_the_currency(amount: float | None, text: str) -> None:
    assert money(amount) == text


def test_what_was_probably_meant_is_named_once_and_all_there_is_never_for_kinds() -> None:
    kinds = ["s3.bucket", "ec2.instance", "ec2.volume", "ec2.image", "ec2.key_pair"]
    assert nearest("show", ["spot", "home", "spot"]) == "Did you mean spot or home?"
    assert nearest("instance", kinds) == "Did you mean ec2.instance?"
    assert nearest("s3", kinds) == "Did you mean s3.bucket?"
    assert nearest("ec2", kinds) == "Did you mean ec2.instance or ec2.volume or ec2.image?"
    assert "daemon coverage" in str(no_such_kind("nosuch", kinds)) and "ec2" not in str(no_such_kind("nosuch", kinds))


def test_one_thing_is_not_counted() -> None:
    assert [counted(0, "file"), counted(1, "file"), counted(2, "file")] == ["0 files", "1 file", "2 files"]
    assert [counted(n, "anomaly", "anomalies") for n in (1, 2)] == ["1 anomaly", "2 anomalies"]
