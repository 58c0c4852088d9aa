"""A pane whose terminal is gone leaves, also where something stands between it and the hang-up's signal."""

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.terminal import Terminal

WRAPPED = (
    "import signal, subprocess, sys\n"
    "signal.signal(signal.SIGHUP, lambda *_: None)\n"
    "sys.exit(subprocess.call(sys.argv[1:]))\n"
)


def gone(pid: int, seconds: float) -> bool:
    """Whether the process, our child, ends within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("wrapper", [[], [sys.executable, "-c", WRAPPED]], ids=["alone", "under make or sudo"])
def test_a_pane_leaves_when_its_terminal_is_gone(tmp_path: Path, wrapper: list[str]) -> None:
    quarterdeck = str(Path(sys.executable).with_name("quarterdeck"))
    environment = {**os.environ, "QUARTERDECK_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    terminal = Terminal([*wrapper, quarterdeck, "demo", "--seed", "12"], 100, 30, environment)
    try:
        terminal.wait_for("EC2 instances", timeout=300)
        os.close(terminal.fd)
        assert gone(terminal.pid, 120), "the pane stayed behind"
    except BaseException:
        os.killpg(terminal.pid, 9)
        raise
