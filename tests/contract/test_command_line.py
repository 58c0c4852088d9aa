"""The command line against the simulated AWS, as a user runs it: real processes, real store, real refusals."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from backends.client import Client, DaemonSpec, connect, gather
from backends.context import store_id
from console.demo_headless import digest
from tests.contract.shells import ACCOUNTS, PROFILES, REGIONS, Run, quarterdeck, shell
from tests.simulated_aws import SimulatedAws


def survivors(mark: str) -> list[str]:
    """Processes whose environment still carries the mark of a run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


# -- the whole job, without a terminal --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One headless demo for all: (outcome, report, process, its TMPDIR, mark)."""
    place = tmp_path_factory.mktemp("headless")
    (place / "tmp").mkdir()
    mark = f"{os.getpid()}-{place.name}"
    environment = shell(place / "home", TMPDIR=str(place / "tmp"), QUARTERDECK_MARK=mark)
    report = place / "report.html"
    done = quarterdeck(environment, "demo", "--headless", "--seed", "7", "--json", "--report", str(report))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), report, done, place / "tmp", mark


def test_the_headless_demo_does_the_whole_job(headless: Any) -> None:
    outcome = headless[0]
    assert outcome["simulated"] is True and outcome["seconds"] > 0
    assert set(outcome["coverage"]) <= {"ok", "empty"}
    assert len(outcome["kinds"]) >= 16 and outcome["kinds"].keys() == outcome["ids"].keys()
    assert outcome["kinds"]["ec2.instance"] >= 150
    assert outcome["forecasts"] > 0 and outcome["anomalies"] > 0 and outcome["advice"] > 0
    assert isinstance(outcome["changes"], int)


def test_the_headless_demo_leaves_nothing_behind(headless: Any) -> None:
    _, report, done, temporary, mark = headless
    assert survivors(mark) == []
    assert [path.name for path in temporary.iterdir()] == []
    assert "Traceback" not in done.stderr
    assert report.exists()


def test_the_headless_report_is_whole_and_keeps_no_secret(headless: Any) -> None:
    outcome, report, *_ = headless
    text = report.read_text()
    assert outcome["report"] == str(report)
    assert text.count("<svg") >= 8 and "SIMULATED AWS" in text
    assert "CANARY" not in text and "\x1b" not in text and "\u202e" not in text and "<script" not in text


# -- command by command -----------------------------------------------------------------------------------------------


def paged(client: Any, operation: str, items: str, identity: Callable[[Any], str]) -> set[str]:
    return {identity(found) for page in client.get_paginator(operation).paginate() for found in page[items]}


READ: dict[str, tuple[str, str, str, Callable[[Any], str], bool]] = {
    "ec2.volume": ("ec2", "describe_volumes", "Volumes", lambda found: found["VolumeId"], True),
    "vpc.vpc": ("ec2", "describe_vpcs", "Vpcs", lambda found: found["VpcId"], True),
    "vpc.subnet": ("ec2", "describe_subnets", "Subnets", lambda found: found["SubnetId"], True),
    "vpc.security_group": ("ec2", "describe_security_groups", "SecurityGroups", lambda found: found["GroupId"], True),
    "autoscaling.group": (
        *("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"),
        lambda found: found["AutoScalingGroupName"],
        True,
    ),
    "eks.cluster": ("eks", "list_clusters", "clusters", str, True),
    "iam.user": ("iam", "list_users", "Users", lambda found: found["UserName"], False),
}


def keys_by_boto3(aws: SimulatedAws, kind: str) -> set[str]:
    """account/region/id of everything of a kind, as plain boto3 reads it."""
    service, operation, items, identity, regional = READ[kind]
    return {
        f"{account}/{region}/{found}"
        for account, profile in ACCOUNTS.items()
        for region in (REGIONS if regional else ("global",))
        for found in paged(
            aws.client(service, region if regional else "us-east-1", profile), operation, items, identity
        )
    }


def instances_by_boto3(aws: SimulatedAws) -> set[str]:
    return {
        f"{account}/{region}/{instance['InstanceId']}"
        for account, profile in ACCOUNTS.items()
        for region in REGIONS
        for page in aws.client("ec2", region, profile).get_paginator("describe_instances").paginate()
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }


@pytest.mark.parametrize("kind", ["ec2.instance", *READ])
def test_the_inventory_is_what_plain_boto3_reads(run: Run, aws: SimulatedAws, headless: Any, kind: str) -> None:
    wanted = instances_by_boto3(aws) if kind == "ec2.instance" else keys_by_boto3(aws, kind)
    rows = json.loads(run("ls", kind, "-o", "json").stdout)
    assert {row["ref"].partition("@")[2] for row in rows} == wanted
    assert len(rows) == len(wanted)
    # The same seed gives the same ids, to the process that ran headless as well.
    assert headless[0]["ids"][kind] == digest(wanted)


def test_lists_filter_sort_and_come_in_every_form(run: Run, tmp_path: Path) -> None:
    running = run("ls", "ec2.instance", "--filter", "state=running !bastion", "--sort", "-launched", "-o", "json")
    rows = json.loads(running.stdout)
    assert rows and all(row["state"] == "running" for row in rows)
    assert [row["launched"] for row in rows] == sorted((row["launched"] for row in rows), reverse=True)
    table = list(csv.DictReader(io.StringIO(run("ls", "ec2.instance", "-o", "csv").stdout)))
    assert len(table) >= 150 and {row["account"] for row in table} == set(ACCOUNTS)
    shown = run("ls", "ec2.instance").stdout
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown) and len(shown.splitlines()) == len(table) + 1


def test_parquet_is_typed(run: Run, home: Path, aws: SimulatedAws, tmp_path: Path) -> None:
    import polars as pl

    file = tmp_path / "instances.parquet"
    command = [sys.executable, "-c", "from console.cli import main; main()", "ls", "ec2.instance", "-o", "parquet"]
    with file.open("wb") as out:
        subprocess.run([*command, *PROFILES], stdout=out, env=shell(home, **aws.environment), check=True, timeout=240)
    frame = pl.read_parquet(file)
    assert frame.height >= 150
    assert frame.schema["launched"] == pl.Datetime("us") and frame.schema["security_groups"] == pl.List(pl.String)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ls", "ec2.instnace"], "Did you mean ec2.instance"),
        (["ls", "ec2.instance", "--filter", "sate=running"], "state"),
        (["ls", "ec2.instance", "--sort", "lanched"], "launched"),
        (["ls", "ec2.instance", "--at", "yesteryear"], "yesteryear"),
        (["ls", "ec2.instance", "--at", "+2h"], "'+2h' is still to come"),
        (["ls", "ec2.instance", "--account", "1"], "There is no account 1 in the scope of these credentials; there"),
        (["ls", "ec2.instance", "--only-region", "xx-1"], "There is no region xx-1"),
        (["changes", "--from", "5m", "--to", "10m"], "from an earlier to a later instant"),
        (["sql", "drop table own.audit"], ""),
        (["sql", "select * from read_csv('/etc/passwd')"], ""),
        (["plan", "ec2.stop_instnace", "x"], "ec2.stop_instance"),
    ],
)
def test_mistakes_are_one_sentence_with_the_nearest_name(run: Run, arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("quarterdeck: ")]) == 1


def test_a_profile_that_is_not_there_is_told_beside_the_data_of_the_others(run: Run) -> None:
    done = run("ls", "vpc.vpc", "--profile", "nobody-like-that")
    assert done.returncode == 0 and len(done.stdout.splitlines()) > 2
    assert "nobody-like-that: " in done.stderr


def test_credentials_that_cannot_be_had_are_no_empty_list(aws: SimulatedAws, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile broken]\nendpoint_url = {aws.endpoint}\ncredential_process = /bin/false\n")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    environment = shell(tmp_path, AWS_PROFILE="broken", **files)
    done = quarterdeck(environment, "ls", "vpc.vpc")
    assert quarterdeck(environment, "daemon", "stop").returncode == 0
    assert done.returncode == 2 and done.stdout == ""
    assert "broken" in done.stderr and done.stderr.count("\n") == 1


def test_findings_and_forecasts_reach_the_command_line(run: Run) -> None:
    advice = json.loads(run("advise", "-o", "json").stdout)
    assert {"gp2", "idle", "unattached"} <= {word for found in advice for word in found["kind"].split("-")} | {
        word for found in advice for word in found["kind"].split("_")
    }
    markets = json.loads(run("spot", "forecast", "-o", "json").stdout)
    assert markets and all("mae_24" in found["skill"] for found in markets)
    assert json.loads(run("anomalies", "scan", "-o", "json").stdout)


def test_a_need_is_ranked_spread_and_rated_on_the_command_line(run: Run, aws: SimulatedAws) -> None:
    need = ("vcpu>=4", "memory>=8", "count=20", "tolerance=low")
    found = json.loads(run("spot", "rank", *need, "-o", "json").stdout)
    assert sum(pool["instances"] for pool in found["pools"]) == 20 and found["problem"] == ""
    assert max(pool["instances"] for pool in found["pools"]) <= 4
    assert all(pool["band_text"] and pool["probability"] > 0 for pool in found["pools"] if not pool["why_not"])
    assert {pool["score"] for pool in found["pools"]} == {None}
    mark = aws.mark()
    rated = json.loads(run("spot", "rank", *need, "--score", "-o", "json").stdout)
    asked = [line["operation"] for line in aws.requests(mark)]
    assert asked.count("GetSpotPlacementScores") == 3
    assert all(1 <= pool["score"] <= 10 for pool in rated["pools"] if not pool["why_not"])
    assert len(rated["scores_asked"]) == len(found["scores_asked"]) + 1
    again = run("spot", "rank", *need)
    assert "USD/H" in again.stdout and "The cheapest mix" in again.stderr and "--score" not in again.stderr
    assert run("spot", "rank", *need, "--frontier", "-o", "csv").stdout.count("\n") > 5


def test_a_need_that_cannot_be_met_fails_with_what_to_relax(run: Run) -> None:
    done = run("spot", "rank", "vcpu>=400", "count=3")
    assert done.returncode == 1 and "relax that" in done.stderr
    wrong = run("spot", "rank", "vcpus>=4")
    assert wrong.returncode != 0 and "did you mean vcpu?" in wrong.stderr


def test_risk_savings_and_demand_reach_the_command_line(run: Run) -> None:
    risk = json.loads(run("spot", "risk", "-o", "json").stdout)
    assert len(risk["risk"]) >= 100 and all(0 < row["probability"] < 1 for row in risk["risk"])
    assert all("advisor band" in row["basis"] and row["bands_kept"] == 2 for row in risk["risk"])
    savings = json.loads(run("spot", "savings", "-o", "json").stdout)
    ways = {way["way"]: way for way in savings["totals"]}
    assert 0 < ways["spot"]["saving_low"] <= ways["spot"]["saving"] <= ways["spot"]["saving_high"] < 1
    assert ways["savings plan, 3 years"]["saving"] > ways["savings plan, 1 year"]["saving"] > 0
    demand = json.loads(run("spot", "demand", "-o", "json").stdout)["groups"]
    known = [row for row in demand if not row["unknown"]]
    assert len(known) >= 20 and all(row["need_96"] > 0 and row["skill_96"] is not None for row in known)
    assert any("group metrics are not enabled" in str(row["unknown"]) for row in demand)
    week = run("spot", "demand", "us-east-1/web-frontend", "-o", "csv").stdout.splitlines()
    assert len(week) == 169 and week[0].startswith("at,need,low,high,naive,day,week")


def test_without_write_nothing_is_sent_and_the_daemon_says_so(run: Run, aws: SimulatedAws) -> None:
    target = json.loads(run("ls", "ec2.instance", "--filter", "name=bastion", "-o", "json").stdout)[0]["ref"]
    plan = run("plan", "ec2.stop_instance", target, "-o", "json")
    before = aws.mark()
    done = run("apply", json.loads(plan.stdout)["id"])
    assert done.returncode == 3 and "read-only" in done.stderr
    assert [found for found in aws.requests(before) if found["mutating"]] == []


def test_a_plan_says_what_it_costs_and_whence_the_price_is(run: Run) -> None:
    wanted = "state=running lifecycle=on-demand instance_type=t3.micro"
    found = json.loads(run("ls", "ec2.instance", "--filter", wanted, "-o", "json").stdout)
    plan = json.loads(run("plan", "ec2.stop_instance", found[0]["ref"], "-o", "json").stdout)
    assert plan["monthly_cost_change"] < 0 and "list price" in plan["cost_source"], plan


def test_a_plan_is_carried_out_recorded_and_taken_back(run: Run, aws: SimulatedAws, tmp_path: Path) -> None:
    target = json.loads(run("ls", "ec2.instance", "--filter", "name=bastion", "-o", "json").stdout)[0]
    file = tmp_path / "plan.json"
    file.write_text(run("plan", "ec2.stop_instance", target["ref"], "-o", "json").stdout)
    done = run("apply", str(file), "--write", "--confirm", "y", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert state_of(aws, target) == "stopped"
    undone = run("undo", str(json.loads(done.stdout)["record"]), "--write", "--confirm", "y")
    assert undone.returncode == 0, undone.stderr
    assert state_of(aws, target) == "running"
    told = run("audit", "list", "-o", "json")
    assert {"intent", "outcome"} <= {record["event"] for record in json.loads(told.stdout)}
    assert run("audit", "verify").returncode == 0


def state_of(aws: SimulatedAws, row: dict[str, Any]) -> str:
    client = aws.client("ec2", row["region"], ACCOUNTS[row["account"]])
    found = client.describe_instances(InstanceIds=[row["instance_id"]])
    return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])


async def pane(aws: SimulatedAws, home: Path) -> Client:
    """A client with the credentials that the command line has as well."""
    context = gather(shell(home, **aws.environment), profiles=tuple(ACCOUNTS.values()))
    return await connect(DaemonSpec(home / store_id("aws", aws.endpoint), aws.endpoint), context)


async def running(client: Client, count: int) -> list[str]:
    page = await client.rows("ec2.instance", filter="state=running lifecycle!=spot !name=bastion", limit=count)
    return [row[page["columns"].index("ref")] for row in page["rows"]]


async def test_two_panes_and_a_command_line_carry_out_each_plan_once(
    run: Run, aws: SimulatedAws, home: Path, tmp_path: Path
) -> None:
    async with await pane(aws, home) as one, await pane(aws, home) as two:
        mine, yours, typed, wanted_by_all = await running(one, 4)
        files = {}
        for target in (typed, wanted_by_all):
            planned = await asyncio.to_thread(run, "plan", "ec2.stop_instance", target, "-o", "json")
            files[target] = tmp_path / f"{len(files)}.json"
            files[target].write_text(planned.stdout)
        plans: list[tuple[Client, str]] = []
        tokens = {client: (await client.write_window(5))["token"] for client in (one, two)}
        for client, target in ((one, mine), (two, yours), (one, wanted_by_all), (two, wanted_by_all)):
            plans.append((client, (await client.plan("ec2.stop_instance", [target]))["id"]))
        before, known = aws.mark(), len(await one.audit(limit=10_000))

        async def execute(client: Client, plan: str) -> str:
            return str((await client.execute(plan, tokens[client], confirm="y"))["state"])

        async def typed_in(target: str) -> str:
            done = await asyncio.to_thread(run, "apply", str(files[target]), "--write", "--confirm", "y", "-o", "json")
            return "done" if done.returncode == 0 else "refused"

        # A key that bounced: each of the panes' own plans is sent twice.
        first, again, second, twice, shared_one, shared_two, command, shared_command = await asyncio.gather(
            *(execute(*plan) for plan in (plans[0], plans[0], plans[1], plans[1], plans[2], plans[3])),
            *(typed_in(target) for target in (typed, wanted_by_all)),
        )
        assert sorted([first, again]) == sorted([second, twice]) == ["done", "refused"]
        assert command == "done"
        assert sorted([shared_one, shared_two, shared_command]) == ["done", "refused", "refused"]
        sent = [request["operation"] for request in aws.requests(before) if request["mutating"]]
        assert sent == ["StopInstances"] * 4, "one call for each plan that was carried out, and no other"
        records = (await one.audit(limit=10_000))[: -known or None]
        by_event = {name: [r for r in records if r["event"] == name] for name in ("intent", "outcome")}
        assert {name: len(found) for name, found in by_event.items()} == {"intent": 4, "outcome": 4}
        assert (
            len(
                {
                    record["plan"]["id"] if isinstance(record["plan"], dict) else record["plan"]
                    for record in by_event["intent"]
                }
            )
            == 4
        )
        assert (await two.verify_audit()) | {"records": 0} == {"ok": True, "records": 0, "problems": []}
    for ref in (mine, yours, typed, wanted_by_all):
        account, region, instance = ref.partition("@")[2].split("/")
        aws.client("ec2", region, ACCOUNTS[account]).start_instances(InstanceIds=[instance])


async def test_whatever_is_read_can_be_read_as_of_an_instant(run: Run, aws: SimulatedAws, home: Path) -> None:
    async with await pane(aws, home) as client:
        then = "-300d"
        page = await client.rows("ec2.instance", limit=1)
        ref = page["rows"][0][page["columns"].index("ref")]
        before: dict[str, Any] = {
            "rows": (await client.rows("ec2.instance", at=then))["total"],
            "counts": set((await client.home(at=then))["counts"].values()),
            "coverage": {row["state"] for row in (await client.coverage(then))["rows"]},
            "changes": (await client.changes("-301d", then))["changes"],
            "costs": (await client.costs(at=then))["days"],
            "forecasts": await client.forecasts(at=then),
            "anomalies": await client.anomalies(at=then),
            "advice": await client.advice(at=then),
            "runs": set((await client.runs(at=then)).values()),
            "audit": await client.audit(at=then),
            "risk": (await client.risk(at=then))["risk"],
            "demand": (await client.demand(at=then))["groups"],
        }
        markets = (await client.rows("spot.price", limit=1))["rows"]
        told = await client.series("spot_price", markets[0][0], at=then)
        assert told["points"] == [] and (await client.series("spot_price", markets[0][0]))["points"]
        assert (await client.sparks([markets[0][0]], at=then))[markets[0][0]] == [None] * 24
    assert before == {
        "rows": 0, "counts": {0}, "coverage": {"unobserved"}, "changes": [], "costs": [], "forecasts": [],
        "anomalies": [], "advice": [], "runs": {None}, "audit": [], "risk": [], "demand": [],
    }  # fmt: skip
    gone = run("ls", "ec2.instance", "--at", then, "-o", "json")
    assert json.loads(gone.stdout) == [] and "not observed before this instant" in gone.stderr
    assert ref


def test_the_command_line_reads_the_past_as_well(run: Run, tmp_path: Path) -> None:
    for arguments, said in (
        (("daemon", "coverage", "ec2.instance"), None),
        (("audit", "list"), None),
        (("anomalies",), "Nothing had been scanned by then."),
        (("advise",), "Nothing had been judged by then."),
    ):
        done = run(*arguments, "--at", "-300d", "-o", "json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert all(row["state"] == "unobserved" for row in found) if arguments[0] == "daemon" else found == []
        assert said is None or said in done.stderr
    forecast = run("spot", "forecast", "--at", "-300d")
    assert forecast.returncode == 1 and "nothing had been forecast by then" in forecast.stderr
    refused = run("advise", "--fresh", "--at", "-300d")
    assert refused.returncode == 2 and "leave it out" in refused.stderr
    file = tmp_path / "then.json"
    assert run("report", "-o", str(file), "--at", "-300d").returncode == 0
    report = json.loads(file.read_text())
    assert report["at"] and all(table["total"] is None for table in report["inventory"])
    assert "As it was known at" in _markdown(run, tmp_path)


def _markdown(run: Run, directory: Path) -> str:
    file = directory / "then.md"
    assert run("report", "-o", str(file), "--at", "-300d").returncode == 0
    return file.read_text()


def test_no_secret_reaches_the_store_the_log_or_the_list(run: Run, home: Path) -> None:
    for path in home.rglob("*"):
        if path.is_file():
            assert b"CANARY" not in path.read_bytes(), path.name
    assert "CANARY" not in run("ls", "ec2.instance", "-o", "json").stdout


def test_doctor_finds_everything_well_and_policy_needs_nobody(run: Run, home: Path) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout and " kinds read in " in done.stdout
    policy = json.loads(quarterdeck(shell(home / "nowhere"), "policy", "--write").stdout)
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert {"ec2:DescribeInstances", "elasticloadbalancing:DescribeLoadBalancers", "ec2:StopInstances"} <= allowed


def test_an_edited_record_is_found(run: Run, home: Path, aws: SimulatedAws) -> None:
    assert run("daemon", "stop").returncode == 0
    store = home / store_id("aws", aws.endpoint) / "store.duckdb"
    with duckdb.connect(str(store)) as connection:
        connection.execute("UPDATE own.audit SET record = replace(record, 'bastion', 'someone')")
        connection.execute("UPDATE own.audit SET record = replace(record, '\"user\"', '\"uSer\"')")
    done = run("audit", "verify")
    assert done.returncode == 1 and "edited" in done.stderr


# -- set-up -----------------------------------------------------------------------------------------------------------


def test_without_credentials_one_sentence_names_the_way_out(tmp_path: Path) -> None:
    environment = shell(tmp_path / "home", AWS_CONFIG_FILE=str(tmp_path / "none"), HOME=str(tmp_path))
    environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "none")
    try:
        done = quarterdeck(environment, "ls", "ec2.instance")
        assert done.returncode == 2 and done.stdout == ""
        assert "quarterdeck demo" in done.stderr and done.stderr.count("\n") == 1
    finally:
        quarterdeck(environment, "daemon", "stop")


def test_a_price_history_comes_in_without_credentials_once_and_whole(tmp_path: Path) -> None:
    environment = shell(tmp_path / "home")
    points = [
        {
            **{"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az4", "InstanceType": "m5.large"},
            **{"ProductDescription": "Linux/UNIX", "SpotPrice": f"0.0{n}", "Timestamp": f"2026-11-{n:02d}T00:00:00Z"},
        }
        for n in range(10, 20)
    ]
    whole, cut, foreign = (tmp_path / name for name in ("whole.json", "cut.json", "foreign.json"))
    whole.write_text(json.dumps({"SpotPriceHistory": points}))
    cut.write_text(whole.read_text()[:900])
    foreign.write_text('{"Reservations": []}')
    try:
        for bad in (cut, foreign):
            done = quarterdeck(environment, "import", "spot-history", str(whole), str(bad))
            assert done.returncode == 1 and f"{bad} at byte" in done.stderr and "Nothing was imported" in done.stderr
        assert (
            "10 points read from 1 file, 10 of them new"
            in quarterdeck(environment, "import", "spot-history", str(whole)).stdout
        )
        again = quarterdeck(environment, "import", "spot-history", str(whole))
        assert "0 of them new" in again.stdout and "Storing 10 points" in again.stderr
        listed = json.loads(quarterdeck(environment, "ls", "spot.price", "-o", "json").stdout)
        assert [(row["account"], row["instance_type"], row["price"]) for row in listed] == [
            ("imported", "m5.large", 0.019)
        ]
        forecast = quarterdeck(environment, "spot", "forecast", "-o", "json")
        assert forecast.returncode == 0 and "imported from files" in forecast.stderr, forecast.stderr
        [market] = json.loads(forecast.stdout)
        assert market["ref"] == listed[0]["ref"] and market["now"] == 0.019
        counted = quarterdeck(environment, "sql", "SELECT count(*) FROM spot_price", "-o", "json")
        assert json.loads(counted.stdout) == [{"count_star()": 1}], counted.stderr
        assert quarterdeck(environment, "changes").returncode == 0
        made = quarterdeck(environment, "report", "-o", str(tmp_path / "report.json"))
        assert made.returncode == 0, made.stderr
        report = json.loads((tmp_path / "report.json").read_text())
        totals = {table["kind"]: table["total"] for table in report["inventory"]}
        assert totals["spot.price"] == 1 and "ec2.instance" not in totals
        denied = quarterdeck(environment, "ls", "ec2.instance")
        assert denied.returncode == 2 and "quarterdeck demo" in denied.stderr and denied.stdout == ""
        assert quarterdeck(environment, "audit", "verify").returncode == 0
    finally:
        quarterdeck(environment, "daemon", "stop")
