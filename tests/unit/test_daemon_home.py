"""Home lists what needs attention, worst first, and invents no figure."""

from __future__ import annotations

from typing import Any

from backends.daemon.home import Figures, attention, cost_summary, with_anomalies
from backends.model import Account, Json, Scope

NOW = "2026-11-23T14:00:00Z"
EARLIER = "2026-11-23T09:30:00Z"


def listed(**given: Any) -> list[Json]:
    nothing: dict[str, Any] = {
        "accounts": (),
        "home": {"health": {}, "as_of": NOW},
        "titles": {"ec2.volume": "Volumes"},
    }
    nothing |= {"coverage": (), "anomalies": (), "advice": (), "forecasts": ()}
    return attention(**(nothing | given))


def flagged(at: str, **more: Any) -> Json:
    row = {"at": at, "as_of": NOW, "severity": "bad", "label": "dear", "kind": "spot.price", "series": "r/z/t"}
    return row | {"ref": "spot.price@1/r/z/t", "account": "1"} | more


def covered(state: str, region: str, kind: str = "ec2.volume") -> Json:
    return {"account": "1", "region": region, "kind": kind, "state": state, "problem": "not allowed"} | {
        "last_try": NOW,
        "last_good": EARLIER if region == "r1" else None,
    }


def test_nothing_wrong_needs_no_attention() -> None:
    fine = {"health": {"ec2.volume": {"ok": 4}}, "as_of": NOW}
    assert listed(accounts=[Account("1")], home=fine, coverage=[covered("ok", "r"), covered("empty", "r")]) == []


def test_accounts_that_have_never_let_us_in_are_one_line_and_one_that_did_is_its_own() -> None:
    shut = [Account("", role=f"arn:aws:iam::{n}:role/R", state="denied", problem=f"no {n}") for n in (1, 2, 3)]
    lost = Account("4", role="arn:aws:iam::4:role/R", state="denied", problem="no more")
    found = listed(accounts=[Account("9"), *shut, lost])
    assert [(item["title"], item["detail"]) for item in found] == [
        ("Credentials denied: 4 (role R)", "no more"),
        ("Credentials denied: 1 (role R) and 2 more", "no 1"),
    ], "what was read once and is not any more comes first"


def test_an_account_that_is_polled_says_where_not_all_its_regions_are_and_one_out_of_reach_is_not_its_credentials() -> (
    None
):
    found = listed(
        accounts=[
            Account("1", alias="prod", problem="Its regions are not known now: throttled."),
            Account("2", profile="dev", state="error", problem="AWS does not answer."),
            Account("", role="arn:aws:iam::*:role/R", problem="The organization has no '/X'."),
        ]
    )
    assert [(item["severity"], item["title"], item["detail"]) for item in found] == [
        ("bad", "Not polled: 2 (dev)", "AWS does not answer."),
        ("warn", "Regions of 1 (prod)", "Its regions are not known now: throttled."),
        ("warn", "Accounts of the organization", "The organization has no '/X'."),
    ]


def test_the_worst_comes_first_and_says_where_to_look() -> None:
    found = listed(
        accounts=[Account("1", state="expired", problem="Log in again.", profile="prod")],
        home={"health": {"ec2.volume": {"ok": 3, "warn": 1}}, "as_of": NOW},
        coverage=[covered("denied", "r1"), covered("denied", "r2"), covered("error", "r1", "vpc.vpc")],
        advice=[{"title": "Delete it", "monthly_saving": 12.5, "as_of": NOW}],
    )
    assert [item["severity"] for item in found] == ["bad", "bad", "warn", "warn", "info"]
    assert found[0]["title"] == "Credentials expired: 1 (prod)"
    denied = next(item for item in found if "denied" in item["title"])
    assert denied["kind"] == "ec2.volume" and "filter" not in denied, "what is not known has no health to look for"
    assert next(item for item in found if "1 warn" in item["title"])["filter"] == "health=warn"
    assert denied["detail"] == "2 places, such as 1/r1: not allowed"
    assert all("ref" in item or "kind" in item or "mode" in item for item in found)
    assert "12 USD a month" in found[-1]["title"]


def test_what_failed_for_one_cause_is_one_line_and_its_place_is_where_its_problem_was_met() -> None:
    away = [
        covered("error", region, kind) | {"problem": f"ec2:Describe{kind[-1].upper()} got no answer (Refused)."}
        for region in ("r2", "r1")
        for kind in ("ec2.a", "ec2.b", "ec2.c")
    ]
    own = [covered("error", region) | {"problem": f"not in {region}"} for region in ("r2", "r1")]
    denied = [covered("denied", "r1", kind) for kind in ("ec2.a", "ec2.b")]
    found = listed(coverage=[*own, *away, *denied])
    assert [(item["title"], item["detail"]) for item in found] == [
        ("3 kinds: error", "6 places, such as 1/r1 of ec2.a: ec2:DescribeA got no answer (Refused)."),
        ("Volumes: error", "2 places, such as 1/r1: not in r1"),
        ("ec2.a: denied", "1/r1: not allowed"),
        ("ec2.b: denied", "1/r1: not allowed"),
    ]
    assert found[0]["mode"] == "coverage"


def test_nothing_that_needs_attention_is_cut_off() -> None:
    ill = {f"ec2.k{number}": {"warn": 1} for number in range(120)}
    assert len(listed(home={"health": ill, "as_of": NOW})) == 120


def test_since_is_told_where_it_is_known_and_is_never_the_time_of_the_poll() -> None:
    found = listed(
        home={"health": {"iam.user": {"bad": 1}}, "as_of": NOW},
        coverage=[covered("denied", "r1"), covered("error", "r2", "vpc.vpc")],
        advice=[{"title": "Delete it", "monthly_saving": 12.5, "as_of": NOW}],
        anomalies=[flagged(EARLIER)],
    )
    since = {item.get("kind") or item.get("mode") or item.get("ref"): item["at"] for item in found}
    assert since == {
        "iam.user": None,
        "vpc.vpc": None,
        "ec2.volume": EARLIER,
        "advice": None,
        "spot.price@1/r/z/t": EARLIER,
    }


def test_ill_health_is_told_with_the_rules_that_judged_it() -> None:
    why = {"ec2.volume": {"warn": {"attached to nothing, and paid for": 3, "cannot be detached": 1}, "ok": {"": 2}}}
    home = {"health": {"ec2.volume": {"warn": 4, "ok": 2}}, "health_why": why, "as_of": NOW}
    assert listed(home=home)[0]["detail"] == "attached to nothing, and paid for (3); cannot be detached (1)"
    one = home | {"health_why": {"ec2.volume": {"warn": {"stopped": 4}}}}
    assert listed(home=one)[0]["detail"] == "stopped"


def test_an_anomaly_counts_once_while_it_is_recent() -> None:
    rows = [
        flagged("2026-11-23T08:00:00Z", ref="spot.price@1/r/z/t"),
        flagged("2026-11-23T08:00:00Z", ref="spot.price@2/r/z/t", account="2"),
        flagged("2026-11-01T08:00:00Z", series="r/z/old"),
        flagged("2026-11-23T08:00:00Z", series="r/z/remark", severity="info"),
        flagged("2026-11-15T00:00:00Z", kind="cost.daily", series="EC2 spend"),
    ]
    assert [item["detail"] for item in listed(anomalies=rows)] == ["r/z/t", "EC2 spend, account 1"]


def test_a_rise_is_told_only_where_the_model_has_beaten_the_naive_one() -> None:
    row = {"change_24": 0.4, "now": 0.1, "instance_type": "c5.large", "zone": "z", "region": "r", "as_of": NOW}
    rising = [row | {"ref": "a", "skill": {"naive_better": False}}, row | {"ref": "b", "skill": {"naive_better": True}}]
    rising.append(row | {"ref": "c", "change_24": None, "skill": {}})
    assert [item["ref"] for item in listed(forecasts=rising)] == ["a"]


def test_costs_are_summed_over_the_newest_month_and_unknown_is_not_zero() -> None:
    costs = {"days": ["2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"], "total": [9.0, 1.0, None, 4.0]}
    costs |= {"as_of": NOW, "services": [{"service": "EC2"}, {"service": "S3"}]}
    costs |= {"open_from": "2026-11-03", "coverage": {"states": {"ok": 1, "pending": 1}, "stale": 0}}
    summary = cost_summary(costs)
    assert (summary["month_to_date"], summary["yesterday"]) == (5.0, 1.0)
    assert summary["coverage"] == {"ok": 1, "pending": 1}
    nothing = cost_summary(costs | {"days": [], "total": []})
    assert (nothing["month_to_date"], nothing["yesterday"]) == (None, None)
    marked = with_anomalies(costs, [flagged(NOW, kind="cost.daily", series="EC2 spend")])
    assert [service["anomaly"] for service in marked["services"]] == [True, False]


def test_figures_are_counted_again_only_when_there_is_news() -> None:
    figures, counted = Figures(), []

    def count() -> tuple[Json, Json]:
        counted.append(1)
        return {"counts": len(counted)}, {}

    here, there = (Scope.of([("1", "r")]), None), (Scope.of([("2", "r")]), None)
    assert figures.get(here, (1, 1), count) == figures.get(here, (1, 1), count)
    assert len(counted) == 1
    figures.get(there, (1, 1), count)
    assert figures.get(here, (2, 1), count)[0] == {"counts": 3}
