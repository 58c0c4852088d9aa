"""Background work stands back against other sessions too, and lowers nobody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backends.niceness import NICENESS

REPORT = "from backends.niceness import stand_back\nfrom pathlib import Path\nimport os, sys\n"


def stood_back(code: str, *, leads: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", REPORT + code], capture_output=True, text=True, check=True, start_new_session=leads
    )
    return done.stdout.strip()


def test_a_session_of_its_own_is_lowered_as_a_whole() -> None:
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("this kernel has no autogroups")
    before = os.nice(0)
    told = stood_back("stand_back(); print(os.nice(0), Path('/proc/self/autogroup').read_text())", leads=True)
    assert told.split()[0] == str(min(19, before + NICENESS))
    assert told.endswith(f"nice {NICENESS}")


@pytest.mark.parametrize("leads", [True, False])
def test_only_a_session_of_its_own_is_touched(tmp_path: Path, leads: bool) -> None:
    weight = tmp_path / "autogroup"
    weight.touch()
    stood_back(f"stand_back(Path({str(weight)!r}))", leads=leads)
    assert weight.read_text() == (str(NICENESS) if leads else "")


def test_a_kernel_without_autogroups_is_no_failure(tmp_path: Path) -> None:
    assert (
        stood_back(f"stand_back(Path({str(tmp_path / 'none' / 'autogroup')!r})); print('went on')", leads=True)
        == "went on"
    )
