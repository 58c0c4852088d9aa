"""What a daemon is started with."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from backends import launch


@pytest.mark.parametrize("own", [None, "glibc.malloc.check=3"])
def test_a_daemon_gets_a_quick_heap_unless_the_shell_says_otherwise_and_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    started: list[dict[str, str]] = []
    popen: Any = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda _, **how: started.append(how["env"]) or popen(["true"], env=how["env"])
    )
    environment = {"PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "canary", "QUARTERDECK_HOME": str(tmp_path)}
    environment |= {} if own is None else {"GLIBC_TUNABLES": own}
    launch.spawn(launch.DaemonSpec(tmp_path), environment).wait()
    assert started == [
        {
            "PATH": "/usr/bin:/bin",
            "QUARTERDECK_HOME": str(tmp_path),
            "GLIBC_TUNABLES": own or launch.QUICK_HEAP["GLIBC_TUNABLES"],
        }
    ]
