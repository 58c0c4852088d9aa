"""How the main screens look, at 80×24 and 160×48. `pytest --snapshot-update` after a change that is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from backends.client import Client
from console.desk import QuarterdeckApp
from console.session import Session
from console.terminal import detect
from tests.pilot.fake_backend import FakeClient

SIZES = [(80, 24), (160, 48)]


@pytest.fixture
def app_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., QuarterdeckApp]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)

    def make(mode: str, theme: str = "") -> QuarterdeckApp:
        async def factory(_: Callable[[str], None]) -> Client:
            return FakeClient()  # type: ignore[return-value]

        return QuarterdeckApp(Session(factory), detect({"QUARTERDECK_THEME": theme}), mode=mode)

    return make


async def settled(pilot: Pilot[None]) -> None:
    """Rows, what stands beside them and the fan of a cursor at rest have come."""
    for _ in range(1000):
        if pilot.app.screen.is_mounted and pilot.app.screen.table.window.total is not None:  # type: ignore[attr-defined]
            break
        await pilot.pause(0.02)
    await pilot.pause(0.5)
    await pilot.app.workers.wait_for_complete(
        [worker for worker in pilot.app.workers if worker.group in ("rows", "beside", "fan")]
    )
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("mode", ["home", "fleets", "spot", "costs"])
def test_a_screen_looks_as_it_did(
    snap_compare: Any, app_of: Callable[..., QuarterdeckApp], mode: str, size: tuple[int, int]
) -> None:
    assert snap_compare(app_of(mode), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_pools_for_a_need_look_as_they_did(
    snap_compare: Any, app_of: Callable[..., QuarterdeckApp], size: tuple[int, int]
) -> None:
    async def asked(pilot: Pilot[None]) -> None:
        await settled(pilot)
        pilot.app.command_need("vcpu>=4 memory>=16 count=20")  # type: ignore[attr-defined]
        await pilot.pause(0.2)
        await settled(pilot)

    assert snap_compare(app_of("spot"), terminal_size=size, run_before=asked)


def test_a_light_screen_looks_as_it_did(snap_compare: Any, app_of: Callable[..., QuarterdeckApp]) -> None:
    assert snap_compare(app_of("fleets", "quarterdeck-light"), terminal_size=(80, 24), run_before=settled)
