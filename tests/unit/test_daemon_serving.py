"""The door: private, replaced when stale, and open to this user only."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backends.daemon.jobs import JobFailed, Worker
from backends.daemon.lifecycle import Door, Election, StartProblem, announce, report_problem
from backends.daemon.serving import Peer, admitted, peer_of
from backends.launch import ANNOUNCEMENT_FILE, PROBLEM_FILE, read_json


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_of(here) == Peer(os.getpid(), os.getuid(), os.getgid())
    assert admitted(Peer(1, os.getuid(), 0))
    assert not admitted(Peer(1, os.getuid() + 1, 0))


def test_one_lock_elects_one_daemon_and_ends_with_its_process(tmp_path: Path) -> None:
    election = Election.win(tmp_path)
    assert election is not None
    assert Election.win(tmp_path, patience=0.0) is None
    assert not os.get_inheritable(election.descriptor)
    os.close(election.descriptor)
    lock = tmp_path / "daemon.lock"
    assert int(lock.read_text()) == os.getpid()
    size = lock.stat().st_size
    lock.write_text(f"{1:<10}\n")
    again = Election.win(tmp_path, patience=0.0)
    assert again is not None
    assert int(lock.read_text()) == os.getpid() and lock.stat().st_size == size, "it is never seen half written"
    os.close(again.descriptor)


def test_a_lock_whose_file_was_removed_is_worth_nothing(tmp_path: Path) -> None:
    election = Election.win(tmp_path)
    assert election is not None
    assert election.valid
    (tmp_path / "daemon.lock").unlink()
    assert not election.valid
    os.close(election.descriptor)


def test_a_stale_socket_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    door = Door(tmp_path / "s.sock")
    door.bind().close()
    assert door.standing
    second = Door(tmp_path / "s.sock")
    with second.bind():
        assert (tmp_path / "s.sock").stat().st_mode & 0o777 == 0o600
        assert second.standing
        assert not door.standing
        door.remove()
        assert second.standing, "a daemon removes its own socket only"
    second.remove()
    assert not (tmp_path / "s.sock").exists()


def test_a_socket_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartProblem, match="cannot be made"):
        Door(tmp_path / "missing" / "s.sock").bind()


def test_an_announcement_forgets_an_earlier_problem(tmp_path: Path) -> None:
    report_problem(tmp_path, StartProblem("store", "It is broken."))
    assert read_json(tmp_path / PROBLEM_FILE) == {"pid": os.getpid(), "error": "store", "message": "It is broken."}
    announce(tmp_path, {"socket": "/x"})
    assert not (tmp_path / PROBLEM_FILE).exists()
    assert read_json(tmp_path / ANNOUNCEMENT_FILE)["socket"] == "/x"
    assert (tmp_path / ANNOUNCEMENT_FILE).stat().st_mode & 0o777 == 0o600


WORKER = """
import json, sys, time
for line in sys.stdin:
    task = json.loads(line)
    if task["job"] == "sleep":
        time.sleep(600)
    if task["job"] == "die":
        sys.exit(3)
    if task["job"] == "fail":
        print(json.dumps({"id": task["id"], "error": "ValueError: no"}), flush=True)
    else:
        print(json.dumps({"id": task["id"], "outputs": {}, "seconds": 0.0}), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    (tmp_path / "quick_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Worker("quick_worker")


async def test_a_job_past_its_deadline_is_killed_and_the_next_one_finds_a_new_worker(
    worker: Worker, tmp_path: Path
) -> None:
    assert (await worker.run("quick", {}, tmp_path, {}, 120))["outputs"] == {}
    first = worker.pid
    await worker.run("quick", {}, tmp_path, {}, 120)
    assert worker.pid == first
    with pytest.raises(JobFailed, match="longer than"):
        await worker.run("sleep", {}, tmp_path, {}, 0.2)
    await worker.run("quick", {}, tmp_path, {}, 120)
    assert worker.pid != first
    await worker.close()


async def test_a_job_that_comes_just_after_an_idle_worker_was_let_go_gets_another(
    worker: Worker, tmp_path: Path
) -> None:
    await worker.run("quick", {}, tmp_path, {}, 120)
    first = worker._process
    assert first is not None
    os.kill(first.pid, signal.SIGSTOP)
    worker._let_go()
    assert (await worker.run("quick", {}, tmp_path, {}, 120))["seconds"] == 0.0
    async with asyncio.timeout(120):
        assert await first.wait() == -signal.SIGKILL
    await worker.close()


async def test_a_failed_job_and_a_dead_worker_are_sentences(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="ValueError: no"):
        await worker.run("fail", {}, tmp_path, {}, 120)
    with pytest.raises(JobFailed, match="went away"):
        await worker.run("die", {}, tmp_path, {}, 120)
    assert (await worker.run("quick", {}, tmp_path, {}, 120))["seconds"] == 0.0
    await worker.close()


def test_the_real_worker_ends_when_its_pipe_closes() -> None:
    process = subprocess.Popen([sys.executable, "-m", "backends.daemon.worker"], stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.close()
    assert process.wait(120) == 0
