"""The table through keys: cursor, marks, filter, sort, windows, what is painted."""

from __future__ import annotations

from typing import Any

import pytest
from textual.geometry import Region

from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import FakeClient


def table_of(app: Any) -> Any:
    return app.screen.table


async def test_the_cursor_walks_pages_and_jumps_to_both_ends(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        table = table_of(app)
        await pilot.press("j", "down", "j", "k")
        assert table.mark.index == 2
        await pilot.press("pagedown")
        assert table.top == table.page_rows and table.mark.index == table.page_rows + 2
        await pilot.press("G")
        await until(pilot, lambda: table.current_row is not None)
        assert table.mark.index == 211
        assert "194–212 of 212" in text_of(app)
        await pilot.press("g")
        assert table.mark.index == 0


async def test_a_hundred_thousand_rows_are_held_as_a_window(console: Open) -> None:
    async with console("fleets", client=FakeClient({"ec2.instance": 100_000})) as (app, pilot, _):
        table = table_of(app)
        await pilot.press("G")
        await until(pilot, lambda: table.current_row is not None)
        assert table.mark.index == 99_999
        await pilot.press("pageup", "pageup", "pageup")
        await until(pilot, lambda: table.current_row is not None)
        assert len(table.window.rows) <= 320


async def test_a_step_repaints_two_lines(console: Open) -> None:
    async with console("fleets", size=(160, 48)) as (app, pilot, _):
        painted: list[Region] = []
        table = table_of(app)
        plain_refresh = table.refresh

        def refresh(*regions: Region, **options: Any) -> Any:
            painted.extend(regions or [table.region])
            return plain_refresh(*regions, **options)

        table.refresh = refresh
        await pilot.press("down")
        assert sorted(region.y for region in painted) == [1, 2]
        assert all(region.height == 1 for region in painted)


async def test_the_cursor_follows_its_key_when_rows_move(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):
        table = table_of(app)
        await pilot.press("j", "j", "j")
        key, line = table.current_key, table.mark.index - table.top
        inner = client.rows

        async def rows(kind: str, **query: Any) -> Any:
            answer = await inner(kind, **{**query, "anchor": ""})
            answer["rows"] = answer["rows"][2:]
            answer["version"] = 2
            return answer

        client.rows = rows  # type: ignore[method-assign]
        client.push(topic="ec2.instance", version=2)
        await until(pilot, lambda: table.mark.index == 1)
        assert table.current_key == key
        assert table.mark.index - table.top <= line


async def test_marks_go_by_key_and_escape_drops_them(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        table = table_of(app)
        await pilot.press("space", "space", "j", "V", "j", "j", "V")
        assert len(table.marked_keys) == 5
        assert "5 marked" in text_of(app)
        await pilot.press("escape")
        assert table.marked_keys == []


async def test_filter_is_live_and_an_error_stands_where_it_was_typed(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("slash", *"state=stopped")
        await until(pilot, lambda: "of 30" in text_of(app))
        await pilot.press("enter")
        assert "/state=stopped" in text_of(app)
        await pilot.press("escape")
        await until(pilot, lambda: "of 212" in text_of(app))
        await pilot.press("slash", *"nonsense")
        await until(pilot, lambda: "did you mean name?" in text_of(app))
        await pilot.press("escape")


async def test_no_match_says_so_and_how_to_clear(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("slash", *"zzzz", "enter")
        await until(pilot, lambda: "esc clears the filter" in text_of(app))


async def test_sort_by_letter_by_column_and_reverse(console: Open) -> None:
    async with console("fleets", size=(120, 30)) as (app, pilot, client):
        await pilot.press("s")
        header = text_of(app).splitlines()[3]
        letter = header[header.index(":name") - 1]
        await pilot.press(letter)
        assert app.screen.table.sort == ("name", False)  # type: ignore[attr-defined]
        await until(pilot, lambda: client.calls[-1][1][1]["sort"] == "name" if client.calls[-1][0] == "rows" else False)
        await pilot.press("S")
        assert app.screen.table.sort == ("name", True)  # type: ignore[attr-defined]
        assert "name▼" in text_of(app)
        await pilot.press("l", "o")
        assert app.screen.table.sort[0] == "instance_id"  # type: ignore[attr-defined]


async def test_what_stands_above_a_column_sorts_and_filters_a_list_like_its_name(console: Open) -> None:
    async with console("advice") as (app, pilot, _):
        await pilot.press("colon", *"sort -advice", "enter")
        await until(pilot, lambda: table_of(app).sort == ("title", True))
        await pilot.press("slash", *"action=stop", "enter")
        await until(pilot, lambda: table_of(app).window.total == 1)
        await pilot.press("colon", *"sort advise", "enter")
        await until(pilot, lambda: "no column 'advise'; did you" in text_of(app))


async def test_clicks_choose_rows_and_headings_sort(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.click("#table", offset=(20, 5))
        assert table_of(app).mark.index == 4
        await pilot.click("#table", offset=(14, 0))
        assert table_of(app).sort[0] == "instance_id"


async def test_a_denied_table_is_never_an_empty_one(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "ec2:DescribeVolumes" in text_of(app))
        text = text_of(app)
        assert "not known" in text and "denied 4" in text
        assert "There are no" not in text


async def test_hostile_names_are_harmless_on_screen(console: Open) -> None:
    async with console("fleets") as (app, _pilot, _):
        text = text_of(app)
        assert "evil␛[31m" in text
        assert "\x1b" not in text and "\u202e" not in text
        assert all(len(line) <= 80 for line in text.splitlines() if line.isascii())


@pytest.mark.parametrize("former", ["", "web"])
async def test_rows_of_another_filter_never_stand_under_one_that_is_wrong(console: Open, former: str) -> None:
    async with console("fleets") as (app, pilot, _):
        if former:
            await pilot.press("slash", *former, "enter")
            await until(pilot, lambda: "/web" in text_of(app))
        await pilot.press("slash", "ctrl+u", *"nonsense=1")
        await until(pilot, lambda: "did you mean name?" in text_of(app))
        await pilot.pause(0.2)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert "/nonsense=1" in text_of(app) and "did you mean name?" in text_of(app)
        assert not table_of(app).window.total and "i-0000" not in text_of(app)


async def test_escape_while_typing_a_filter_brings_back_the_former_one(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("slash", *"state=stopped", "enter")
        await until(pilot, lambda: "of 30" in text_of(app))
        await pilot.press("slash", "ctrl+u", *"nonsense")
        await until(pilot, lambda: "did you mean name?" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "of 30" in text_of(app) and "/state=stopped" in text_of(app))
