"""One simulated AWS and one store, polled once, for every contract test that talks to them by the command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import cli
from tests.contract.shells import PROFILES, Run, quarterdeck, shell
from tests.simulated_aws import SimulatedAws, start_simulated


@pytest.fixture(scope="session")
def aws() -> Iterator[SimulatedAws]:
    with start_simulated() as simulated:
        yield simulated


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def environment(aws: SimulatedAws, home: Path) -> Iterator[dict[str, str]]:
    """A shell's environment with a store of these tests' own, polled once, its daemon stopped at the end."""
    environment = shell(home, **aws.environment)
    done = quarterdeck(environment, "poll", "--once", *PROFILES)
    assert done.returncode == 0, done.stderr
    done = quarterdeck(environment, "import", "spot-advisor", *aws.announcement["spot_advisor"])
    assert done.returncode == 0 and "69 bands" in done.stdout.replace("138", "69"), done.stderr
    yield environment
    quarterdeck(environment, "daemon", "stop")


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> Run:
    """`quarterdeck …` in a process of its own."""

    def invoke(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return quarterdeck(environment, *arguments, *PROFILES, stdin=stdin)

    return invoke


@pytest.fixture
def run_here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The same in this process, which is a tenth of the price."""
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        code = cli.run([*arguments, *PROFILES])
        told = capsys.readouterr()
        return subprocess.CompletedProcess([*arguments], code, told.out, told.err)

    return invoke
