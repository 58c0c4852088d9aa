"""The metrics of a resource in its detail: drawn once told, asked for again while on screen and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backends.client import BackendError
from console.screens.metric_lines import metric_lines
from console.widgets import format as fmt
from console.widgets.ink import plain
from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import FakeClient


def asked(client: FakeClient) -> list[tuple[str, bool]]:
    """The instant, and whether CloudWatch was to be asked, of each time that metrics were."""
    return [(at, ask) for name, value in client.calls if name == "metrics" for _, at, ask in [value]]


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_detail_shows_course_newest_least_most_and_as_of(console: Open, size: tuple[int, int]) -> None:
    async with console("fleets", size=size) as (app, pilot, _):
        await pilot.press("d")
        await until(pilot, lambda: "as of 13:55Z" in text_of(app))
        lines = {line.split()[0]: line for line in text_of(app).splitlines() if line.split()}
        assert "▁" in lines["CPU"] and "44 %" in lines["CPU"] and "10 … 44 %" in lines["CPU"] and "5m" in lines["CPU"]
        assert "not published" in lines["network"]
        assert "✖ 1" in lines["checks"] and "0 … 1" in lines["checks"]
        assert "history" in text_of(app) or size[1] < 48


async def test_metrics_are_asked_for_again_while_shown_and_not_behind_another_screen(console: Open) -> None:
    client = FakeClient()
    client.metrics_again = 0.1  # as if a minute were over: what the pane waits for at least is a second
    async with console("fleets", client=client) as (app, pilot, _):
        await pilot.press("d")
        await until(pilot, lambda: len(asked(client)) >= 2)
        await pilot.press("y")
        await until(pilot, lambda: '"InstanceId"' in text_of(app))
        before = len(asked(client))
        await pilot.pause(1.3)
        assert len(asked(client)) == before
        await pilot.press("q")
        await until(pilot, lambda: len(asked(client)) > before)
        assert set(asked(client)) == {("", True)}


async def test_paused_nothing_is_asked_of_aws_and_the_past_is_read_once(console: Open) -> None:
    client = FakeClient()
    client.paused, client.metrics_problem = True, "Not asked: polling is paused."
    async with console("fleets", client=client) as (app, pilot, _):
        await pilot.press("d")
        await until(pilot, lambda: "polling is paused" in text_of(app))
        assert asked(client) == [("", False)]
        await pilot.press("left_curly_bracket")
        await until(pilot, lambda: len(asked(client)) == 2)
        assert asked(client)[1][0] != ""


async def test_a_daemon_that_cannot_tell_says_so_where_figures_would_be(
    console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(self: FakeClient, ref: str, **_: object) -> None:
        raise BackendError("too-slow", "The query took too long.")

    monkeypatch.setattr(FakeClient, "metrics", refusing)
    async with console("fleets") as (app, pilot, _):
        await pilot.press("d")
        await until(pilot, lambda: "The query took too long." in text_of(app))
        assert "instance id" in text_of(app), "the rest of the detail stands all the same"


def test_a_gap_stays_blank_and_parts_show_their_worst() -> None:
    since = datetime(2026, 11, 23, 11, tzinfo=UTC)
    points = [(since + timedelta(minutes=minute), value) for minute, value in ((0, 1.0), (1, 8.0), (30, 1.0))]
    until_ = since + timedelta(minutes=40)
    assert fmt.timeline(points, 60, since, until_, 4) == "█  ▁"
    assert fmt.timeline(points, 60, since, until_, 4, low=True) == "▄  ▄", "a flat series lies in the middle"
    assert fmt.timeline(points[1:], 1200, since, until_, 8) == "█████ ▁▁", "a value is of its period"
    assert fmt.timeline([(since, 0.0)], 60, since, until_, 4) == "▁   ", "nothing is no level"
    assert fmt.timeline([], 60, since, until_, 4) == "    "


def test_before_there_is_an_answer_the_lines_are_as_many_as_they_will_be() -> None:
    declared = [{"title": "CPU"}, {"title": "\x1b[31mhostile"}]
    lines = metric_lines(declared, None, "", 80)
    assert [plain(line).strip() for line in lines] == ["metrics   asking CloudWatch…", "CPU", "␛[31mhostile", ""]
