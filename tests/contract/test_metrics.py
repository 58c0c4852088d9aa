"""`quarterdeck metrics` against the simulated AWS: figures to stdout, when and why not to stderr, the past as seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from backends.aws.kinds import KINDS
from tests.contract.shells import Run
from tests.simulated_aws import SimulatedAws

WATCHED = [kind.name for kind in KINDS if kind.watched]


def a_ref(run_here: Run, kind: str, *more: str) -> str:
    rows = json.loads(run_here("ls", kind, "--limit", "1", "-o", "json", *more).stdout)
    return str(rows[0]["ref"])


@pytest.mark.parametrize("kind", WATCHED)
def test_every_kind_that_has_metrics_tells_them(run_here: Run, kind: str) -> None:
    done = run_here("metrics", a_ref(run_here, kind), "-o", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["metrics"] and told["problem"] == ""
    assert all(metric["note"] or metric["points"] for metric in told["metrics"])


def test_an_instance_in_trouble_looks_like_it_and_is_asked_about_once(run_here: Run, aws: SimulatedAws) -> None:
    ref = a_ref(run_here, "ec2.instance", "--filter", "name=reporting-old-2")
    serial = max(entry["serial"] for entry in aws.requests())
    first, second = run_here("metrics", ref), run_here("metrics", ref, "-o", "csv")
    requests = [entry for entry in aws.requests(serial) if entry["operation"] == "GetMetricData"]
    assert len(requests) == 1, "no more often than once a minute"
    line = next(line for line in first.stdout.splitlines() if line.startswith("checks failed"))
    assert "AWS/EC2 StatusCheckFailed Maximum" in line
    # A figure that is long past is not judged, and the endpoint's clock is held since the first test that used it.
    held = datetime.now(UTC) - datetime.fromisoformat(aws.get("status")["now"])
    assert "bad" in line or held > timedelta(minutes=10)
    assert "5 metrics, as of" in first.stderr
    assert second.stdout.startswith("metric,at,value,unit\nCPUUtilization.Average,")
    spent = json.loads(run_here("daemon", "status", "-o", "json").stdout)
    assert any(row["operation"] == "GetMetricData" and row["cost"] > 0 for row in spent["operations"])


def test_the_past_is_as_it_was_seen_and_not_recorded_where_nobody_looked(run_here: Run) -> None:
    ref = a_ref(run_here, "rds.instance", "--filter", "name=reports")
    assert run_here("metrics", "reports").returncode == 0, "a name will do"
    seen = run_here("metrics", ref, "--at", "-1s", "-o", "json")
    assert all(metric["points"] for metric in json.loads(seen.stdout)["metrics"]), seen.stderr
    other = a_ref(run_here, "rds.instance", "--filter", "name=tickets")
    nobody = run_here("metrics", other, "--at", "-1s", "-o", "json")
    assert "Not recorded: nobody looked at it in the 3 hours before" in nobody.stderr
    assert {metric["note"] for metric in json.loads(nobody.stdout)["metrics"]} == {"not known"}
    never = run_here("metrics", ref, "--at", "2026-01-01T12:00Z")
    assert never.stdout == "" and "not known at" in never.stderr


def test_what_has_no_metrics_is_said_with_what_has(run_here: Run) -> None:
    done = run_here("metrics", "iam.user@111122223333/global/nobody")
    assert done.returncode == 2 and "No metrics are declared for iam.user; they are for" in done.stderr
