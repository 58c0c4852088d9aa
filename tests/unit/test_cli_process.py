"""The `quarterdeck` process: how it starts, how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from click.testing import CliRunner

from console import cli
from console.cli_commands import daemon as commands
from console.processes import alive, descendants, end_all

HEAVY = {
    "click",
    "textual",
    "rich",
    "jinja2",
    "asyncio",
    "platformdirs",
    "duckdb",
    "polars",
    "boto3",
    "pyarrow",
    "json",
}


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "QUARTERDECK_HOME": str(home), "XDG_RUNTIME_DIR": str(home), **more}


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from console.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(home, **more), timeout=300)


def test_the_entry_point_imports_nothing_that_is_not_needed() -> None:
    code = f"import sys, console.cli; print(sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["ls", "--help"], ["--version"]])
def test_help_imports_neither_the_console_nor_any_heavy_library(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom console.cli import run\ncode = run(sys.argv[1:])\n"
        "bad = {'textual', 'jinja2', 'duckdb', 'polars', 'botocore', 'pyarrow', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(str(bad) if bad else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_usage_errors_are_2_and_say_so_on_stderr_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "ls", "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "") and "--no-such-option" in done.stderr


def test_no_terminal_is_2_without_a_traceback(tmp_path: Path) -> None:
    for arguments in ([], ["demo"], ["fleets"]):
        done = run(tmp_path, *arguments)
        assert done.returncode == 2 and "needs a terminal" in done.stderr and "Traceback" not in done.stderr


def test_a_demo_that_does_not_run_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "--demo", "ls", "ec2.instance")
    assert done.returncode == 2 and "No demo is running; start one" in done.stderr and done.stderr.count("\n") == 1
    assert "No demo '8-calm' is running" in run(tmp_path, "ls", "ec2.instance", QUARTERDECK_DEMO="8-calm").stderr


def test_a_daemon_that_does_not_run_is_not_started_to_ask_it(tmp_path: Path) -> None:
    done = run(tmp_path, "daemon", "status")
    assert done.returncode == 1 and "No daemon is running" in done.stderr
    assert "no log yet" in run(tmp_path, "daemon", "logs").stderr


def test_a_daemon_that_opens_its_store_is_not_told_as_none(tmp_path: Path) -> None:
    home = tmp_path / "aws"
    home.mkdir()
    with (home / "daemon.lock").open("w+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4321\n")
        lock.flush()
        for command in ("status", "stop"):
            done = run(tmp_path, "daemon", command)
            assert done.returncode == 1 and "(pid 4321)" in done.stderr and "takes no questions" in done.stderr
        assert "(pid 4321) has the store" in run(tmp_path, "daemon", "encrypt").stderr
    assert "No daemon is running" in run(tmp_path, "daemon", "status").stderr


def test_debugging_shows_where(tmp_path: Path) -> None:
    done = run(tmp_path, "--demo", "ls", "ec2.instance", QUARTERDECK_DEBUG="1")
    assert done.returncode == 1 and "Traceback" in done.stderr and "DemoError" in done.stderr


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    work = "lambda _: [print('x' * 80) for _ in range(9**5)] and 0"
    script = f"from console import cli; cli._open_at_once = {work}; cli.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(120) == 0 and process.stderr.read() == b""
    process.stderr.close()


def test_the_parser_lets_a_closed_pipe_and_an_exit_code_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from console.cli_commands import root

    def closed(view: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(root, "open_console", closed)
    with pytest.raises(BrokenPipeError):
        root.invoke([])
    monkeypatch.setattr(root, "open_console", lambda view: root.click.get_current_context().exit(3))
    assert root.invoke(["fleets"]) == 3


def test_ctrl_c_is_130_and_quiet(tmp_path: Path) -> None:
    work = "lambda _: (print('on', flush=True), time.sleep(600))"
    script = f"import time; from console import cli; cli._open_at_once = {work}; cli.main()"
    # Whatever a shell starts in the background is deaf to ctrl+c, and so is all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
    )
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1] == b"" and process.returncode == 130


@pytest.mark.parametrize(
    "arguments", [["--profile", "x"], ["ls", "ec2.instance"], ["demo", "--seed", "3"], ["unknown"]]
)
def test_what_needs_parsing_is_parsed(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    assert cli._open_at_once(arguments) is None


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("arguments", "view", "write"), [([], "", False), (["fleets", "--write"], "fleets", True)])
def test_the_plain_console_opens_without_a_parser(
    arguments: list[str], view: str, write: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.delenv("QUARTERDECK_DEMO", raising=False)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("console.start.open_console", lambda options, view: seen.append((options.write, view)) or 0)
    monkeypatch.setattr("console.demo.open_console", lambda demo, write: seen.append((demo.name, write)) or 0)
    assert cli._open_at_once(arguments) == 0
    assert cli._open_at_once(["demo", *(["--write"] if write else [])]) == 0
    assert seen == [(write, view), ("7-spot-storm", write)]


def test_a_family_of_processes_is_found_and_seen_gone() -> None:
    child = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    script = f"import subprocess, sys, time; {child}; print('on', flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    family = descendants([parent.pid])
    assert len(family) == 2 and all(map(alive, family))
    for pid, _ in family:
        os.kill(pid, signal.SIGTERM)
    end_all(family)
    parent.stdout.close()
    assert parent.wait() == -signal.SIGTERM
    assert not any(map(alive, family)) and not alive((os.getpid(), "another start time"))


def test_a_store_is_backed_up_and_written_anew_by_the_daemon_that_has_it(tmp_path: Path) -> None:
    file = tmp_path / "backup" / "copy.duckdb"
    file.parent.mkdir()
    try:
        done = run(tmp_path, "daemon", "backup", str(file), "-o", "json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["bytes"] == file.stat().st_size
        again = run(tmp_path, "daemon", "backup", str(file))
        assert again.returncode == 2
        assert again.stderr == f"quarterdeck: {file} is there already; choose another name, or say --force.\n"
        assert run(tmp_path, "daemon", "backup", str(file), "--force").returncode == 0
        written = run(tmp_path, "daemon", "compact")
        assert " MB" in written.stdout and "polls waited" in written.stdout, written.stderr
    finally:
        assert run(tmp_path, "daemon", "stop").returncode == 0
    copy = duckdb.connect(str(file), read_only=True)
    assert copy.execute("SELECT value FROM own.meta WHERE key = 'partition'").fetchall() == [("aws",)]
    copy.close()


@pytest.mark.parametrize("closed", ["<&-", ">&-", ">&- 2>&-"])
def test_whoever_closed_a_stream_wants_nothing_of_it(tmp_path: Path, closed: str) -> None:
    command = f"exec '{sys.executable}' -c 'from console.cli import main; main()' policy {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=environment(tmp_path), timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_daemon_has_stopped_though_whoever_started_it_never_asks_how(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None and not ended.stdout.read(), "it is over, and still known by its pid"
        daemon = SimpleNamespace(status=lambda: {"pid": ended.pid}, shutdown=lambda drain: None, close=lambda: None)
        monkeypatch.setattr(commands, "_spec", lambda: None)
        monkeypatch.setattr(commands, "_running", lambda spec: daemon)
        result = CliRunner().invoke(commands.daemon, ["stop"])
    assert (result.exit_code, result.output) == (0, f"stopped, pid {ended.pid}\n")
