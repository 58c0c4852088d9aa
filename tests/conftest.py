"""What every test may lean on: a home of its own, no credentials of the machine's, one simulated AWS for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.simulated_aws import SimulatedAws, shared_simulated, start_simulated

# How fast a busy machine is says nothing of what is tested. `make test` tries the same examples every time, `make hunt`
# others each time.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("hunt", settings.get_profile("same"), derandomize=False, max_examples=500)
settings.load_profile("same")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: much of the time a test waits for a process that it has started."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests go to one worker, and so do all that share the polled store or the headless demo's outcome, which
    are dear to make: on a busy machine that takes longer than a test may."""
    for item in items:
        shares = not {"environment", "headless"}.isdisjoint(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("polled" if shares else str(item.path)))
        if shares:
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test starts reads or writes the developer's own store, keys or AWS settings, or another test's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("QUARTERDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))


@pytest.fixture(scope="session")
def simulated() -> SimulatedAws:
    """One simulated AWS, clock held, for every test that only reads, or puts back what it changed."""
    return shared_simulated()


@pytest.fixture
def own_simulated() -> Iterator[SimulatedAws]:
    """A simulated AWS of this test's own, to step, to break and to write to."""
    with start_simulated() as aws:
        yield aws
