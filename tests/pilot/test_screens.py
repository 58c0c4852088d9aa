"""Every screen at 80×24: it shows what it is about, says what is missing, and leads on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.events import Resize
from textual.strip import Strip

from backends.client import BackendError
from console.screens import spot
from console.screens.detail import detail_lines
from console.screens.home import HomeScreen, summary_lines
from console.screens.spot import skill_line
from console.views import VIEWS
from console.widgets.resource_table import ResourceTable
from tests.pilot.conftest import Open, text_of, until
from tests.pilot.test_type_ahead import burst

SHOWN = {
    "home": "what needs attention",
    "clusters": "cluster-1",
    "fleets": "i-00000000000000001",
    "spot": "last 24 h",
    "iam": "users",
    "networking": "subnets",
    "costs": "AmazonEC2",
    "advice": "Idle instance",
    "coverage": "ec2.volume",
}


@pytest.mark.parametrize("mode", list(VIEWS))
async def test_every_mode_shows_what_it_is_about_at_80_by_24(console: Open, mode: str) -> None:
    async with console(mode) as (app, pilot, _):
        await until(pilot, lambda: SHOWN[mode] in text_of(app))
        lines = text_of(app).splitlines()
        assert "SIMULATED AWS" in lines[0] and "read-only" in lines[0]
        assert "production 111122223333 +1" in lines[1]
        assert len(lines) == 24


async def test_digits_change_modes_and_each_keeps_its_stack(console: Open) -> None:
    async with console("clusters") as (app, pilot, _):
        await pilot.press("enter")
        await until(pilot, lambda: "nodes-0" in text_of(app))
        await pilot.press("7")
        await until(pilot, lambda: "AmazonRDS" in text_of(app))
        await pilot.press("2")
        await until(pilot, lambda: "nodes-0" in text_of(app))
        await pilot.press("q")
        await until(pilot, lambda: "version" in text_of(app))
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: app.current_mode == "costs")


async def test_detail_shows_fields_relations_and_history_and_raw_can_be_searched(console: Open) -> None:
    async with console("clusters") as (app, pilot, client):
        await pilot.press("d")
        await until(pilot, lambda: "history" in text_of(app))
        assert "→ node groups  2" in text_of(app) and "pending → running" in text_of(app)
        # Polls that are refused bring no news of the kind: the detail asks by the minute how they are.
        asked = [name for name, _ in client.calls].count("resource")
        app.screen.minute()  # type: ignore[attr-defined]
        await until(pilot, lambda: [name for name, _ in client.calls].count("resource") > asked)
        await pilot.press("enter")
        await until(pilot, lambda: "nodes-" in text_of(app))
        await pilot.press("q", "y")
        await until(pilot, lambda: '"InstanceId"' in text_of(app))
        await pilot.press("slash", *"running", "enter")
        assert "1 lines match" in text_of(app)
        assert "\x1b" not in text_of(app)


def test_two_relations_to_one_kind_say_by_what_they_are_related() -> None:
    related = [{"title": "Images", "kind": "ec2.image", "filter": "", "count": n, "by": f"by{n}"} for n in (1, 2)]
    groups = {"title": "Groups", "kind": "lab.group", "filter": "", "count": 3, "by": "groups"}
    lines, _ = detail_lines({"relations": [*related, groups]}, {})
    told = ["".join(text for text, _ in line).strip() for line in lines]
    assert {"→ Images  1   by by1", "→ Images  2   by by2", "→ Groups  3"} <= set(told)


def test_a_resource_whose_polls_are_denied_says_since_when_and_a_past_one_goes_on_until_then() -> None:
    denied = {"state": "denied", "last_good": "2026-11-23T08:59:00Z", "problem": "ec2:DescribeInstances is denied."}
    versions = [{"from": "2026-11-23T08:00:00Z", "to": None, "changes": []}]
    told = {"id": "i-1", "coverage": denied, "history": versions}
    text = "\n".join("".join(part for part, _ in line) for line in detail_lines(told, {}, open_end="then")[0])
    assert "its polls are denied since 11-23 08:59Z" in text and "DescribeInstances is denied" in text
    assert "→ then" in text and "→ now" not in text
    assert "polls" not in str(detail_lines(told | {"coverage": {"state": "ok"}}, {}))


@pytest.mark.parametrize("found", [{}, {"filter": "health=bad"}])
def test_a_line_of_home_opens_its_kind_with_the_filter_that_it_names_and_no_other(found: dict[str, str]) -> None:
    opened: list[tuple[str, str]] = []

    class Desk:
        def open_kind(self, kind: str, filter: str, trail: str) -> None:
            opened.append((kind, filter))

    class Home(HomeScreen):
        desk = Desk()

    Home().open_row({"kind": "s3.bucket", "severity": "bad", **found})
    assert opened == [("s3.bucket", found.get("filter", ""))]


async def test_the_spot_fan_stands_beside_its_skill_and_says_where_naive_is_better(console: Open) -> None:
    async with console("spot", size=(120, 40)) as (app, pilot, _):
        await until(pilot, lambda: "vs naive" in text_of(app))
        assert "+12%" in text_of(app) and "now" in text_of(app)
        await pilot.press("down")
        await until(pilot, lambda: "naive is better here" in text_of(app))


async def test_at_80_cells_the_skill_is_whole(console: Open) -> None:
    async with console("spot") as (app, pilot, _client):
        await until(pilot, lambda: "vs naive, 24h/7d" in text_of(app))
        line = next(line for line in text_of(app).splitlines() if "vs naive" in line)
        assert "MAE" in line
        assert "80% held" in line
        assert "95% held" in line


async def test_walking_over_markets_reads_a_fan_only_where_the_cursor_rests(
    console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console("spot") as (app, pilot, client):
        await until(pilot, lambda: "vs naive" in text_of(app))
        monkeypatch.setattr(spot, "REST", 1.0)  # a busy machine takes its time from key to key

        def fans() -> list[str]:
            return [told[0] for name, told in client.calls if name == "forecast"]

        before = len(fans())
        burst(app, *["down"] * 5)
        await until(pilot, lambda: len(fans()) > before)
        assert fans()[before:] == [client.ref("spot.price", 5)]


async def test_another_instant_is_said_in_the_header_and_now_returns(console: Open) -> None:
    async with console("fleets", size=(120, 30)) as (app, pilot, client):
        await pilot.press("T", *"-2h", "enter")
        await until(pilot, lambda: "REPLAY" in text_of(app))
        assert client.calls[-1][1][1]["at"] == "2026-11-23T12:00:00Z"
        # What is typed in a replay replaces the "now" that stands there.
        await pilot.press("T", *"-3h", "enter")
        await until(pilot, lambda: any(name == "rows" and told[1]["at"] == "-3h" for name, told in client.calls))
        await pilot.press("a")
        await until(pilot, lambda: "replay" in text_of(app))
        await pilot.press("colon", *"at now", "enter")
        await until(pilot, lambda: "REPLAY" not in text_of(app))
        await pilot.press("T", *"yesteryear", "enter")
        await until(pilot, lambda: "is no instant" in text_of(app))


async def test_evidence_of_advice_names_what_would_prove_it_wrong(console: Open) -> None:
    async with console("advice") as (app, pilot, _):
        await pilot.press("x")
        await until(pilot, lambda: "CPU above 5 %" in text_of(app))
        assert "list price" in text_of(app)


async def test_a_lost_daemon_is_said_and_recovered_from(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):
        client.down = True
        client.push(topic="ec2.instance", version=2)
        await until(pilot, lambda: "reconnecting" in text_of(app))
        assert "i-00000000000000001" in text_of(app), "what was read stays on screen"
        client.down = False
        client.push(topic="ec2.instance", version=3)
        await until(pilot, lambda: "reconnecting" not in text_of(app))
        assert not app.screen.table.stale  # type: ignore[attr-defined]


async def test_what_could_not_be_read_is_no_empty_list(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):

        async def hung(*_: object, **__: object) -> dict[str, object]:
            raise BackendError("timeout", "The daemon did not answer /v1/rows in time.")

        client.rows = hung  # type: ignore[method-assign]
        client.push(topic="ec2.instance", version=2)
        await until(pilot, lambda: "did not answer /v1/rows in time" in text_of(app))
        assert "0 rows" not in text_of(app) and "not read" in text_of(app)


async def test_a_view_asks_for_its_rows_once_and_enter_opens_one_view(console: Open) -> None:
    async with console("spot") as (app, pilot, client):
        await pilot.pause(0.3)
        assert sum(name == "rows" for name, _ in client.calls) == 1
        await pilot.press("enter")
        await until(pilot, lambda: "history" in text_of(app))
        assert len(app.screen_stack) == 2


async def test_nothing_is_asked_while_nothing_happens(console: Open) -> None:
    async with console("fleets") as (_app, pilot, client):
        asked = -1
        while asked != len(client.calls):  # all that opening it leads to, however long that takes
            asked = len(client.calls)
            await pilot.pause(0.6)
        await pilot.pause(0.6)
        assert len(client.calls) == asked


async def test_events_of_other_kinds_are_not_read(console: Open) -> None:
    async with console("fleets") as (_app, pilot, client):
        before = sum(name == "rows" for name, _ in client.calls)
        client.push(topic="iam.user", version=2)
        await pilot.pause(0.7)
        assert sum(name == "rows" for name, _ in client.calls) == before


async def test_the_audit_says_what_was_done_and_whether_its_chain_holds(console: Open) -> None:
    async with console("home", size=(120, 30)) as (app, pilot, _):
        await pilot.press("colon", *"audit", "enter")
        await until(pilot, lambda: "chain holds" in text_of(app))
        assert "desired is 4" in text_of(app) and "17" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: '"sequence": 17' in text_of(app))


async def test_changes_and_anomalies_lead_to_their_resource(console: Open) -> None:
    async with console("home", size=(160, 44)) as (app, pilot, client):
        await pilot.press("colon", *"changes -2h", "enter")
        await until(pilot, lambda: "state: pending → running" in text_of(app))
        assert next(query for name, query in client.calls if name == "changes")["since"] == "-2h"
        assert "Admin/alice" in text_of(app) and "StartInstances" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: "by unknown  CloudTrail was not read: denied" in text_of(app))
        assert "~ changed" in text_of(app) and "→ StartInstances 14:02:11" in text_of(app)
        await pilot.press("q", "j", "enter")
        await until(pilot, lambda: "- removed  between 11-23 14:01Z and 11-23 14:02Z   by Admin/bob" in text_of(app))
        await until(pilot, lambda: client.looked_at == "2026-11-23T14:01:05.001000+00:00" and "fields" in text_of(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: client.calls[-1] == ("resource", client.ref("eks.cluster", 0)))
        await pilot.press("q", "q", "q")
        await pilot.press("colon", *"anomalies", "enter")
        await until(pilot, lambda: "twice the usual" in text_of(app))


async def test_ten_thousand_characters_of_a_tag_stay_in_their_place(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):
        inner = client.resource

        async def resource(ref: str, at: str = "") -> dict[str, object]:
            answer = await inner(ref, at)
            answer["row"]["tags"] = {"long": "x" * 10_000}
            return answer

        client.resource = resource  # type: ignore[method-assign]
        await pilot.press("d")
        await until(pilot, lambda: "long = " in text_of(app))
        assert all(len(line) <= 80 for line in text_of(app).splitlines())


def test_advice_that_nobody_has_worked_out_yet_is_not_worth_zero() -> None:
    def said(saving: float | None, **more: bool) -> str:
        lines = summary_lines({"advice_total": saving} | more, {}, 120)
        return "".join(text for line in lines for text, _ in line)

    assert "advice worth not yet known" in said(None)
    assert "advice worth 0.00 USD a month" in said(0.0)
    assert "advice unpriced (9 opens it)" in said(None, advice_unpriced=True)


async def test_escape_in_a_drilled_view_keeps_its_rows_to_what_its_title_says(console: Open) -> None:
    async with console("fleets") as (app, pilot, _client):
        app.open_kind("ec2.instance", "state=running", trail="fleets › web")
        await until(pilot, lambda: "fleets › web" in text_of(app))
        view = app.screen
        await pilot.press("slash")
        await pilot.press(*" web", "enter")
        await until(pilot, lambda: getattr(view, "filter", "") == "state=running web")
        await pilot.press("escape")
        assert app.screen is view
        assert view.filter == "state=running"  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not view)


async def test_an_answer_that_comes_after_its_view_was_closed_is_dropped(console: Open) -> None:
    async with console("fleets") as (app, pilot, _client):
        app.open_kind("ec2.volume", trail="fleets › disks")
        await until(pilot, lambda: "fleets › disks" in text_of(app))
        view = app.screen
        done: list[bool] = []

        async def late() -> None:
            await until(pilot, lambda: view not in app.screen_stack)
            done.append(True)
            view.query_one("#no-longer-there")

        view.background(late, "late")  # type: ignore[attr-defined]
        app.close_view()
        await pilot.pause(0.3)
        assert app.is_running


async def test_the_header_fits_80_cells_and_says_how_to_return_from_the_past(console: Open) -> None:
    async with console("fleets") as (app, pilot, _client):
        assert "credentials un…" not in text_of(app)
        await pilot.press("T", *"-5m", "enter")
        await until(pilot, lambda: "REPLAY" in text_of(app))
        assert "T returns" in text_of(app)


async def test_costs_draw_the_last_days_of_every_service_whole_at_80_cells(console: Open) -> None:
    async with console("costs") as (app, pilot, _client):
        await until(pilot, lambda: "AmazonS3" in text_of(app))
        line = next(line for line in text_of(app).splitlines() if "AmazonS3" in line)
        assert sum(character in "▁▂▃▄▅▆▇█" for character in line) == 14


async def test_a_table_drawn_before_it_heard_of_its_new_width_is_drawn_again(console: Open) -> None:
    async with console("fleets", size=(160, 24)) as (app, pilot, _client):
        table = app.screen.query_one(ResourceTable)
        await pilot.pause(0.2)
        drawn: list[int] = []
        table.render_line = _noting(table.render_line, drawn)  # type: ignore[method-assign]
        table.on_resize(Resize(table.size, table.size))
        table._visible_look()  # as news does: the new columns are placed, nothing is drawn yet
        await until(pilot, lambda: set(range(table.size.height)) <= set(drawn))


def _noting(render: Callable[[int], Strip], drawn: list[int]) -> Callable[[int], Strip]:
    def render_line(y: int) -> Strip:
        drawn.append(y)
        return render(y)

    return render_line


@pytest.mark.parametrize("roomy", [True, False])
def test_a_skill_of_next_to_nothing_has_no_sign_of_its_own(roomy: bool) -> None:
    forecast = {"skill": {"mae_24": -0.003, "mae_168": 0.12, "crps_24": -0.001, "crps_168": -0.2}}
    line = "".join(text for text, _ in skill_line(forecast, "m5.large", roomy))
    assert "-0" not in line and "+0" in line and "+12" in line and "-20" in line


async def test_tabs_that_the_line_has_no_room_for_come_with_the_next_one(console: Open) -> None:
    async with console("networking") as (app, pilot, _):
        await until(pilot, lambda: "subnets" in text_of(app))
        line = next(line for line in text_of(app).splitlines() if "subnets" in line and "VPCs" in line)
        assert "flow logs" not in line and "…" in line
        await pilot.press("shift+tab")
        await until(pilot, lambda: "flow logs" in text_of(app))
        line = next(line for line in text_of(app).splitlines() if "flow logs" in line and "attachments" in line)
        assert "VPCs" not in line


@pytest.mark.parametrize(("cells", "most"), [(80, 3), (160, 5)])
def test_the_counts_of_home_leave_room_for_what_needs_attention(cells: int, most: int) -> None:
    others = {f"a.kind_{number:02}": number + 1 for number in range(90)}
    counts = {**others, "a.empty": 0, "ec2.instance": 100, "autoscaling.group": 12}
    whole = summary_lines({"counts": counts}, {}, cells, most=most)
    lines = ["".join(text for text, _ in line) for line in whole[3:-1]]
    assert len(lines) == most and all(len(line.rstrip()) <= cells for line in lines)
    assert lines[0].startswith("  ec2.instance 100   autoscaling.group 12   a.kind_00 1")
    told = sum(line.count("a.kind_") for line in lines)
    assert f"+{90 - told} kinds (" in lines[-1] and "a.empty" not in "".join(lines)


async def test_what_needs_attention_is_in_sight_beside_a_hundred_kinds(console: Open) -> None:
    async with console("home") as (app, pilot, client):
        client.counts.update({f"a.kind_{number:02}": 3 for number in range(95)})
        app.screen.reload()  # type: ignore[attr-defined]
        await until(pilot, lambda: "a.kind_00" in text_of(app))
        shown = text_of(app)
        assert " kinds (:NAME opens one)" in shown and "AmazonEC2 cost twice the usual" in shown
