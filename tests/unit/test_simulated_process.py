"""The endpoint as a process: how it announces itself, how it ends, what it leaves behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from backends.simulated.__main__ import stop_at_signals
from backends.simulated.clock import Clock
from backends.simulated.linger import held, listed
from tests.simulated_aws import ROOT, SimulatedAws, start_simulated

LIMIT = 240.0
"""Seconds of patience: an endpoint that has not seen the holder of its lock before it goes waits a minute for one."""


def ended(process: subprocess.Popen[str]) -> int:
    return process.wait(timeout=LIMIT)


def who_it_is_for(aws: SimulatedAws) -> dict[str, str]:
    """The account behind every profile and behind the bare environment, as a stranger's process finds its way there."""
    script = (
        "import boto3, json, sys\n"
        "def who(session): return session.client('sts').get_caller_identity()['Account']\n"
        "found = {p: who(boto3.Session(profile_name=p)) for p in sys.argv[1:]}\n"
        "found['environment'] = who(boto3)\n"
        "print(json.dumps(found))\n"
    )
    environment = {"PATH": os.environ["PATH"], **aws.environment}
    command = [sys.executable, "-c", script, *aws.profiles]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_it_announces_itself_once_and_leaves_nothing_but_its_state(tmp_path: Path) -> None:
    state, told = tmp_path / "state", tmp_path / "told.json"
    with start_simulated(state, "--announce", str(told), "--seed", "3") as aws:
        assert json.loads(told.read_text()) == aws.announcement
        assert aws.announcement["pid"] == aws.process.pid and aws.announcement["seed"] == 3
        assert (state / "aws-credentials").stat().st_mode & 0o777 == stat.S_IRUSR | stat.S_IWUSR
        assert aws.endpoint.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{aws.endpoint}/_simulated/status", timeout=LIMIT) as answer:
            assert json.load(answer)["running"] is False
        assert who_it_is_for(aws) == {
            "simulated-production": "111122223333",
            "simulated-sandbox": "444455556666",
            "environment": "111122223333",
        }
        aws.process.send_signal(signal.SIGTERM)
        assert ended(aws.process) == 0
        assert aws.process.stdout is not None and aws.process.stdout.read() == ""
    left = {path.name for path in state.iterdir()} - {Path(path).name for path in aws.announcement["spot_advisor"]}
    assert left == {"aws-config", "aws-credentials"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "told.json"]


def test_it_runs_by_itself_unless_the_clock_is_held(tmp_path: Path) -> None:
    with start_simulated(tmp_path, "--speed", "6000", hold_clock=False) as aws:
        deadline = time.monotonic() + LIMIT
        while aws.get("status")["minutes"] < 20:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stopped = aws.post("clock", {"running": False})
        before, now = {}, aws.get("status")
        while before != now:  # what was due is lived through, then nothing moves
            assert time.monotonic() < deadline
            time.sleep(0.5)
            before, now = now, aws.get("status")
        assert not stopped["running"]
        aws.process.send_signal(signal.SIGINT)
        assert ended(aws.process) == 0


def test_it_ends_when_nobody_holds_the_lock_and_its_port_is_free_after_a_kill(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert listed(lock) or held(lock)
        with start_simulated(tmp_path / "one", "--while-locked", str(lock), "--linger", "0.5") as aws:
            port = aws.announcement["port"]
            busy = socket.create_connection(("127.0.0.1", port))
            time.sleep(1.5)
            assert aws.process.poll() is None
            os.kill(aws.process.pid, signal.SIGKILL)
            ended(aws.process)
            busy.close()
        again = ("--port", str(port), "--while-locked", str(lock), "--linger", "0.5")
        with start_simulated(tmp_path / "two", *again) as aws:
            assert aws.announcement["port"] == port
            time.sleep(1)  # long enough to have seen the holder
            fcntl.flock(holder, fcntl.LOCK_UN)
            assert ended(aws.process) == 0
    assert not held(lock)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--speed", "0"), "positive"), (("--scenario", "picnic"), "spot-storm"), (("--port", "taken"), "int")],
)
def test_mistakes_in_the_arguments_end_with_a_sentence_and_exit_2(arguments: tuple[str, ...], sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backends.simulated", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == ""


def test_the_clock_stands_still_runs_and_jumps() -> None:
    clock = Clock(speed=3600)
    start = clock.now()
    assert clock.now() == start and not clock.running
    clock.advance(90)
    assert (clock.now() - start).total_seconds() == 5400
    clock.set(running=True)
    time.sleep(0.02)
    assert clock.running and clock.elapsed().total_seconds() > 5400 + 3600 * 0.02
    clock.set(running=False)
    stopped = clock.now()
    assert clock.now() == stopped
    with pytest.raises(ValueError, match="positive"):
        clock.set(speed=-1)


def test_a_clock_that_stood_still_catches_up_where_it_is_told_to() -> None:
    clock = Clock(datetime.now(UTC) - timedelta(minutes=3))
    held = clock.now()
    assert clock.now() == held
    clock.set(running=True)
    assert clock.now() - held < timedelta(minutes=1)
    clock.set(running=True, catch_up=True)
    assert timedelta(0) <= datetime.now(UTC) - clock.now() < timedelta(seconds=30)


def test_a_world_that_is_started_again_has_lived_what_it_lived_before(tmp_path: Path) -> None:
    started = (datetime.now(UTC) - timedelta(minutes=12)).replace(microsecond=0).isoformat()

    def seen(aws: SimulatedAws) -> tuple[int, list[str], list[str]]:
        pages = aws.client("ec2", "us-east-1").get_paginator("describe_instances").paginate()
        machines = [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
        ids, launched = [i["InstanceId"] for i in machines], [str(i["LaunchTime"]) for i in machines]
        return aws.get("status")["minutes"], sorted(ids), sorted(launched)

    with start_simulated(tmp_path, "--start", started) as first, start_simulated(None, "--start", started) as second:
        assert first.announcement["started"] == started
        minutes = [aws.get("status")["minutes"] for aws in (first, second)]
        assert all(lived >= 12 for lived in minutes)
        assert first.get("status")["now"] <= f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        # They did not start at one instant, and a minute may have passed between.
        for aws, lived in zip((first, second), minutes, strict=True):
            aws.step(max(minutes) - lived)
        assert seen(first) == seen(second)


def test_a_signal_that_meets_the_wait_for_it_is_heard() -> None:
    stopping, before = Event(), {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    hang_up = signal.getsignal(signal.SIGHUP)
    try:
        stop_at_signals(stopping)
        with stopping._cond:  # as the main thread has it whenever its wait begins and ends
            signal.raise_signal(signal.SIGTERM)
        assert stopping.wait(20)
    finally:
        for number, handler in (before | {signal.SIGHUP: hang_up}).items():
            signal.signal(number, handler)
