"""The processes live and die as designed, against the simulated AWS and as real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.client import BackendError, Client, DaemonSpec, connect, connect_sync, gather
from backends.context import Context
from backends.launch import ANNOUNCEMENT_FILE, LOCK_FILE, read_json
from backends.model import Json
from tests.simulated_aws import SimulatedAws, start_simulated

PATIENCE = 240.0
PRODUCTION = "111122223333"


@pytest.fixture(scope="module")
def aws() -> Iterator[SimulatedAws]:
    with start_simulated() as simulated:
        yield simulated


@pytest.fixture
def context(aws: SimulatedAws) -> Context:
    return gather(aws.environment | {"PATH": os.environ.get("PATH", "")}, profiles=aws.profiles)


@pytest.fixture
async def spec(aws: SimulatedAws, tmp_path: Path) -> AsyncIterator[DaemonSpec]:
    spec = DaemonSpec(tmp_path / "store", aws.endpoint, label="SIMULATED AWS", linger=5)
    yield spec
    pid = read_json(spec.home / ANNOUNCEMENT_FILE).get("pid")
    if pid and running(pid):
        os.kill(pid, signal.SIGHUP)
        await gone(pid)
        assert not (spec.home / ANNOUNCEMENT_FILE).exists()


@pytest.fixture(scope="module")
def shared(aws: SimulatedAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonSpec]:
    """A daemon that the tests which do it no harm have in common."""
    spec = DaemonSpec(tmp_path_factory.mktemp("shared") / "store", aws.endpoint, label="SIMULATED AWS", linger=30)
    yield spec
    pid = read_json(spec.home / ANNOUNCEMENT_FILE).get("pid")
    if pid and running(pid):
        os.kill(pid, signal.SIGTERM)
        asyncio.run(gone(pid))


def running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


async def gone(*pids: int) -> None:
    """Wait until these processes have ended."""
    async with asyncio.timeout(PATIENCE):
        while any(running(pid) for pid in pids):
            await asyncio.sleep(0.05)


async def joined(spec: DaemonSpec, context: Context) -> Client:
    """A client whose daemon polls only what it is asked to."""
    client = await connect(spec, None)
    await client.polling(paused=True)
    await client.register(context)
    return client


async def family(client: Client) -> tuple[int, list[int]]:
    """The daemon and its collectors."""
    status = await client.status()
    return status["pid"], status["processes"]["collectors"]


async def instances(client: Client) -> int:
    return int((await client.rows("ec2.instance", limit=0))["total"])


async def test_clients_that_race_to_start_a_daemon_share_one(shared: DaemonSpec, context: Context) -> None:
    clients = await asyncio.gather(*(joined(shared, context) for _ in range(3)))
    assert len({(await client.status())["pid"] for client in clients}) == 1
    assert len({client.context_id for client in clients}) == 1
    _, collectors = await family(clients[0])
    assert len(collectors) == 1
    for client in clients:
        await client.close()


async def heard(client: Client, events: AsyncIterator[Json]) -> Any:
    """The topic of the first event, which there is once the stream listens."""
    first = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(PATIENCE):
        while not first.done():
            await client.polling(paused=True)
            await asyncio.wait([first], timeout=0.2)
    return (await first).get("topic")


async def until(events: AsyncIterator[Json], name: str) -> AsyncIterator[Json]:
    """Events up to the first that has something of that name."""
    async for event in events:
        yield event
        if name in event:
            return


async def test_a_killed_daemon_takes_its_workers_along_and_comes_back_with_the_store_whole(
    spec: DaemonSpec, context: Context
) -> None:
    async with await joined(spec, context) as client:
        await client.poll(["ec2.instance"], wait=True)
        kept = await instances(client)
        assert kept > 150
        events = client.events()
        for _ in range(2):
            daemon, collectors = await family(client)
            polling = asyncio.ensure_future(client.poll(["ec2.instance"]))
            assert "topic" in await anext(events)
            os.kill(daemon, signal.SIGKILL)
            await gone(daemon, *collectors)
            assert int((spec.home / LOCK_FILE).read_text()) in (daemon, (await client.status())["pid"])
            await polling
            assert await instances(client) == kept
            async with asyncio.timeout(PATIENCE):
                told = [event async for event in until(events, "gap") if "topic" not in event]
            assert told == [{"lost": True}, {"gap": True}]
        await events.aclose()
        assert (await family(client))[0] != daemon


async def test_a_killed_collector_is_replaced_for_the_next_poll(shared: DaemonSpec, context: Context) -> None:
    async with await joined(shared, context) as client:
        await client.poll(["ec2.instance"], wait=True)
        kept = await instances(client)
        _, (collector,) = await family(client)
        os.kill(collector, signal.SIGKILL)
        await gone(collector)
        async with asyncio.timeout(PATIENCE):
            while (await client.poll(["ec2.instance"], wait=True))["coverage"] != {"ok": 6}:
                await asyncio.sleep(0.1)
        assert await instances(client) == kept
        _, (another,) = await family(client)
        assert another != collector
        [ended] = (await client.status())["collectors_ended"]
        assert (ended["pid"], ended["how"], ended["replaced_by"]) == (collector, "by signal 9", another)


async def test_a_deleted_socket_is_bound_again(shared: DaemonSpec) -> None:
    async with await connect(shared, None) as client:
        daemon = (await client.status())["pid"]
        path = Path(read_json(shared.home / ANNOUNCEMENT_FILE)["socket"])
        path.unlink()
        async with asyncio.timeout(PATIENCE):
            while not path.exists():
                await asyncio.sleep(0.05)
        assert path.stat().st_mode & 0o777 == 0o600
        async with await connect(shared, None) as other:
            assert (await other.status())["pid"] == daemon


async def test_a_signal_ends_the_daemon_in_order(spec: DaemonSpec, context: Context) -> None:
    async with await joined(spec, context) as client:
        daemon, collectors = await family(client)
        stream = client.events()
        await heard(client, stream)
        await client.poll(["ec2.instance"])
        await anext(stream)
        os.kill(daemon, signal.SIGTERM)
        await gone(daemon, *collectors)
        await stream.aclose()
    left = {path.name for path in spec.home.iterdir()}
    assert "store.duckdb" in left
    assert not left & {"store.duckdb.wal", ANNOUNCEMENT_FILE, "daemon.problem"}
    assert "Traceback" not in (spec.home / "daemon.log").read_text()


async def test_a_daemon_that_nobody_needs_leaves(spec: DaemonSpec) -> None:
    brief = DaemonSpec(spec.home, spec.endpoint, linger=0.5)
    async with await connect(brief, None) as client:
        daemon = (await client.status())["pid"]
        await asyncio.sleep(2)
        assert running(daemon)
    await gone(daemon)


async def test_another_endpoint_or_store_is_refused_in_a_sentence(
    shared: DaemonSpec, context: Context, aws: SimulatedAws
) -> None:
    real = gather({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"})
    async with await connect(shared, None) as client:
        with pytest.raises(BackendError, match="never mixed") as refused:
            await client.register(real)
        assert (refused.value.code, refused.value.status) == ("other-endpoint", 409)


async def test_no_credentials_is_a_sentence_that_says_what_to_do(shared: DaemonSpec, aws: SimulatedAws) -> None:
    nobody = Context(endpoint=aws.endpoint, region="us-east-1", environment={"HOME": "/nonexistent"})
    with pytest.raises(BackendError, match="quarterdeck demo") as refused:
        await connect(shared, nobody)
    assert (refused.value.code, refused.value.status) == ("no-credentials", 401)


async def test_other_credentials_see_their_own_account_only(
    shared: DaemonSpec, context: Context, aws: SimulatedAws
) -> None:
    production = gather(aws.environment, profiles=["simulated-production"])
    sandbox = gather(aws.environment, profiles=["simulated-sandbox"])
    async with await joined(shared, production) as one, await joined(shared, sandbox) as other:
        await asyncio.gather(one.poll(["ec2.instance"], wait=True), other.poll(["ec2.instance"], wait=True))
        seen = []
        for client in (one, other):
            page = await client.rows("ec2.instance", limit=5000)
            seen.append({row[page["columns"].index("account")] for row in page["rows"]})
        assert len(seen[0]) == len(seen[1]) == 1
        assert seen[0] != seen[1]
        page = await one.rows("ec2.instance", limit=1)
        ref = page["rows"][0][page["columns"].index("ref")]
        assert (await one.resource(ref))["ref"] == ref
        foreign = other.rows("ec2.instance", accounts=list(seen[0]))
        for asking in (other.resource(ref), other.sql("SELECT * FROM ec2_instance"), foreign):
            with pytest.raises(BackendError):
                await asking
        accounts = {row["account"] for row in (await other.coverage())["rows"]}
        assert accounts == seen[1]


async def test_many_changes_arrive_as_few_events(spec: DaemonSpec, context: Context) -> None:
    async with await joined(spec, context) as client:
        stream = client.events()
        topics = [await heard(client, stream)]
        await client.poll(["ec2.instance"], wait=True)
        async with asyncio.timeout(PATIENCE):
            while "ec2.instance" not in topics:
                topics.append((await anext(stream)).get("topic"))
        assert len(topics) < 60
        await stream.aclose()


async def test_without_a_write_window_nothing_is_sent(shared: DaemonSpec, context: Context, aws: SimulatedAws) -> None:
    async with await joined(shared, context) as client:
        await client.poll(["ec2.instance"], wait=True)
        page = await client.rows("ec2.instance", filter="state=running lifecycle!=spot", limit=1)
        target = page["rows"][0][page["columns"].index("ref")]
        plan = await client.plan("ec2.stop_instance", [target])
        before = aws.mark()
        for token in ("", "0" * 64):
            with pytest.raises(BackendError) as refused:
                await client.execute(plan["id"], token, confirm="y")
            assert (refused.value.code, refused.value.status) == ("read-only", 403)
        assert [request for request in aws.requests(before) if request["mutating"]] == []
        assert [r for r in await client.audit() if r["event"] in ("intent", "outcome")] == []


async def test_a_plan_is_carried_out_within_a_window_and_put_on_record(
    shared: DaemonSpec, context: Context, aws: SimulatedAws
) -> None:
    async with await joined(shared, context) as client:
        await client.poll(["ec2.instance"], wait=True)
        page = await client.rows("ec2.instance", filter="state=running lifecycle!=spot", limit=1)
        target = page["rows"][0][page["columns"].index("ref")]
        plan = await client.plan("ec2.stop_instance", [target])
        window = await client.write_window(5)
        before = aws.mark()
        outcome = await client.execute(plan["id"], window["token"], confirm="y")
        assert outcome["state"] == "done", outcome["detail"]
        sent = [request["operation"] for request in aws.requests(before) if request["mutating"]]
        assert sent == ["StopInstances"]
        events = [record["event"] for record in await client.audit(limit=3)]
        assert events == ["outcome", "intent", "write-window-opened"]
        assert (await client.verify_audit())["ok"]
        again = await client.execute(plan["id"], window["token"], confirm="y")
        assert again["state"] == "refused"
        undo = await client.undo_plan(str(outcome["record"]))
        assert undo["action"] == "ec2.start_instance"


def test_a_daemon_that_cannot_start_says_why(tmp_path: Path) -> None:
    home = tmp_path / "store"
    home.mkdir()
    (home / "store.duckdb").write_bytes(b"not a database, but long enough to look at" * 100)
    started = time.monotonic()
    with pytest.raises(BackendError, match=r"store.duckdb"):
        connect_sync(DaemonSpec(home, "http://127.0.0.1:1", linger=1), None)
    assert time.monotonic() - started < PATIENCE


def test_no_secret_of_the_environment_is_written_down(aws: SimulatedAws, tmp_path: Path) -> None:
    secret = "CANARY-secret-access-key"
    context = gather(aws.environment | {"AWS_SECRET_ACCESS_KEY": secret, "AWS_PROFILE": ""})
    spec = DaemonSpec(tmp_path / "store", aws.endpoint, linger=1)
    with connect_sync(spec, context) as client:
        assert client.poll(["ec2.instance"], wait=True)["coverage"] == {"ok": 3}
        assert secret not in json.dumps(client.status())
        pid = client.status()["pid"]
        client.shutdown()
    asyncio.run(gone(pid))
    for path in spec.home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


async def test_a_client_that_hangs_up_stops_its_query(shared: DaemonSpec, context: Context) -> None:
    slow = "SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"
    async with await joined(shared, context) as client:
        for _ in range(8):
            query = asyncio.ensure_future(client.sql(slow))
            await asyncio.sleep(0.1)
            query.cancel()
            await asyncio.gather(query, return_exceptions=True)
        answer = await asyncio.wait_for(client.sql("SELECT 1 AS one"), PATIENCE)
        assert answer["rows"] == [[1]]


async def test_a_newer_client_has_the_daemon_replaced(
    spec: DaemonSpec, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await connect(spec, None) as old:
        before = (await old.status())["pid"]
        monkeypatch.setattr("backends.client.VERSION", "999.0.0")
        async with await connect(spec, None) as newer:
            assert (await newer.status())["pid"] != before
        assert not running(before)
        assert (await old.status())["pid"] != before


async def test_a_change_made_behind_our_back_is_told_with_who_made_it(
    shared: DaemonSpec, context: Context, aws: SimulatedAws
) -> None:
    async with await joined(shared, context) as client:
        await client.poll(["ec2.instance", "cloudtrail.event"], wait=True)
        rows = await client.rows(
            "ec2.instance", filter="state=running", limit=1, accounts=[PRODUCTION], regions=["us-east-1"]
        )
        ref = dict(zip(rows["columns"], rows["rows"][0], strict=True))["ref"]
        aws.post("clock", {"running": True})
        try:
            aws.client("ec2").stop_instances(InstanceIds=[ref.rpartition("/")[2]])
            await client.poll(["ec2.instance"], wait=True)
            await client.poll(["cloudtrail.event"], wait=True)
        finally:
            aws.post("clock", {"running": False})
        changes = (await client.changes("-5m", kinds=["ec2.instance"]))["changes"]
        [change] = [change for change in changes if change["ref"] == ref]
        assert (change["by"], change["events"][0]["name"]) == ("quarterdeck-operator", "StopInstances"), change
        newest = (await client.resource(ref))["history"][0]
        assert (newest["by"], newest["why"]) == ("quarterdeck-operator", "")
        told = (await client.resource(change["events"][0]["ref"]))["raw"]["CloudTrailEvent"]
        assert told["requestParameters"]["instancesSet"]["items"] == [{"instanceId": ref.rpartition("/")[2]}]


async def test_what_was_asked_of_aws_is_told_by_operation_and_account(shared: DaemonSpec, context: Context) -> None:
    async with await joined(shared, context) as client:
        await client.poll(["ec2.volume"], wait=True)
        status = await client.status()
        operations = {(row["service"], row["operation"]): row for row in status["operations"]}
        assert operations["ec2", "DescribeVolumes"]["rows"] > 10 and operations["ec2", "DescribeVolumes"]["cost"] == 0
        assert status["costs"]["per_day"] == 5.0 and status["costs"]["spent"] == []
        asked = await client.operations()
        for told in (asked["operations"], asked["days"]):
            rows = [row for row in told if row["operation"] == "DescribeVolumes"]
            assert {row["account"] for row in rows} == {
                account["account"] for account in status["contexts"][0]["accounts"]
            }
            assert sum(row["calls"] for row in rows) == operations["ec2", "DescribeVolumes"]["calls"]
