"""The command bar, help, the user's keys, scope, copying, exporting, leaving."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console import commands, keymap, terminal
from tests.pilot.conftest import Open, text_of, until


async def test_a_unique_prefix_runs_and_an_ambiguous_one_lists(console: Open) -> None:
    async with console("home") as (app, pilot, _):
        await pilot.press("colon", *"fle", "enter")
        await until(pilot, lambda: app.current_mode == "fleets")
        await pilot.press("colon", *"co", "enter")
        await until(pilot, lambda: "could be several" in text_of(app))
        assert ":costs" in text_of(app) and ":coverage" in text_of(app)
        await pilot.press("backspace", "backspace", *"netwrking", "enter")
        await until(pilot, lambda: "Did you mean :networking?" in text_of(app))


async def test_tab_completes_and_up_recalls(console: Open) -> None:
    async with console("home") as (app, pilot, _):
        await pilot.press("colon", *"netw", "tab")
        screen: Any = app.screen
        assert screen.prompt.text == "networking"
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "networking")
        await until(pilot, lambda: app.screen.is_mounted)
        await pilot.press("colon", "up")
        screen = app.screen
        assert screen.prompt.text == "networking"


async def test_a_kind_opens_with_filter_and_scope(console: Open) -> None:
    async with console("home") as (app, pilot, client):
        await pilot.press("colon", *"ec2.instance /state=stopped @production,us-east-1", "enter")
        await until(pilot, lambda: "of 30" in text_of(app))
        query = [value for name, value in client.calls if name == "rows"][-1][1]
        assert query["filter"] == "state=stopped"
        assert (query["accounts"], query["regions"]) == (("111122223333",), ("us-east-1",))
        assert "@production,us-east-1" in text_of(app).splitlines()[-1]


async def test_a_place_that_is_not_in_the_scope_narrows_nothing_and_says_so(console: Open) -> None:
    async with console("home", size=(120, 30)) as (app, pilot, client):
        await pilot.press("colon", *"ec2.instance @eu-west-1,nosuch", "enter")
        sentence = "There is no account or region nosuch in the scope; there are production, sandbox, eu-west-1,"
        await until(pilot, lambda: sentence in text_of(app))
        assert not [name for name, _ in client.calls if name == "rows"]
        assert app.session.narrowed == ""


async def test_regions_are_picked_and_the_header_says_which(console: Open) -> None:
    async with console("fleets", size=(120, 30)) as (app, pilot, client):
        await pilot.press("R", "space", "enter")
        await until(
            pilot, lambda: client.calls[-1][0] == "rows" and client.calls[-1][1][1]["regions"] == ("eu-west-1",)
        )
        assert "us-east-1" not in text_of(app).splitlines()[1]


async def test_help_shows_this_screens_page_its_keys_and_the_commands(console: Open) -> None:
    async with console("spot") as (app, pilot, _):
        await pilot.press("question_mark")
        await until(pilot, lambda: "the fan is of the market" in text_of(app))
        await pilot.press("slash", *":export", "enter")
        await until(pilot, lambda: "lines match" in text_of(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: "markets" in text_of(app))


async def test_export_writes_every_row_and_formulas_stay_text(console: Open, tmp_path: Path) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("colon", *"export rows.json", "enter")
        await until(pilot, lambda: (tmp_path / "rows.json").exists())
        await until(pilot, lambda: len(json.loads((tmp_path / "rows.json").read_text() or "[]")) == 212)
        await pilot.press("colon", *"export rows.txt", "enter")
        await until(pilot, lambda: "neither" in text_of(app))


async def test_ids_are_copied_as_arns(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("Y")
        assert app.clipboard == "arn:aws:ec2:us-east-1:111122223333:instance/i-00000000000000000"
        await pilot.press("c")
        assert app.clipboard == "ok"


async def test_leaving_is_asked_at_the_root_and_ctrl_c_twice_asks_too(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("q")
        await until(pilot, lambda: "Leave Quarterdeck?" in text_of(app))
        assert "polling for a while" not in text_of(app), "nobody here knows how long it is set to"
        await pilot.press("enter")
        await until(pilot, lambda: "Leave Quarterdeck?" not in text_of(app))
        await pilot.press("ctrl+c", "ctrl+c")
        await until(pilot, lambda: "Leave Quarterdeck?" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: not app.is_running)


async def test_wrong_keys_do_no_harm(console: Open) -> None:
    async with console("home") as (app, pilot, client):
        await pilot.press(*"zZxXmMvWbBnN", "f5", "f9", "delete", "insert", "tab", "shift+tab", "ctrl+x", "escape")
        await pilot.pause(0.1)
        assert app.is_running and "what needs attention" in text_of(app)
        assert not [name for name, _ in client.calls if name in ("plan", "execute", "write_window")]


async def test_polling_pauses_and_the_header_says_so(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        await pilot.press("p")
        await until(pilot, lambda: "polling paused" in text_of(app).splitlines()[1])


async def test_a_users_keys_replace_the_defaults(console: Open, tmp_path: Path) -> None:
    (tmp_path / "config" / "quarterdeck").mkdir(parents=True)
    (tmp_path / "config" / "quarterdeck" / "keys.toml").write_text('[keys]\n"view.filter" = "f5"\n"nope" = "x"\n')
    async with console("fleets") as (app, pilot, _):
        await until(pilot, lambda: "no binding" in text_of(app))
        await pilot.press("f5", *"web", "enter")
        await until(pilot, lambda: "/web" in text_of(app))


def test_clashing_forbidden_and_unknown_keys_are_told_in_a_sentence() -> None:
    usable, problems = keymap.check(
        {"view.filter": "s", "table.down": "ctrl+h", "zzz": "x", "view.sort": "f6", "view.raw": 3}
    )
    assert usable == {"view.sort": "f6", "view.filter": "s"} or usable == {"view.sort": "f6"}
    assert any("ctrl+h" in problem for problem in problems)
    assert any("no binding 'zzz'" in problem for problem in problems)
    assert all(problem.endswith(".") for problem in problems)


def test_default_keys_do_not_clash_and_avoid_what_terminals_own() -> None:
    for key in keymap.KEYS:
        assert not set(key.keys.split(",")) & keymap.FORBIDDEN, key.id
        assert keymap._clash(key.id, {key.id: key.keys}) is None, key.id
    assert len({key.id for key in keymap.KEYS}) == len(keymap.KEYS)


def test_every_command_names_an_existing_key_and_has_help() -> None:
    ids = {key.id for key in keymap.KEYS}
    names: list[str] = []
    for command in commands.COMMANDS:
        names += [command.name, *command.aliases]
        assert command.help and (not command.key or command.key in ids)
        assert bool(command.action) != bool(command.takes), command.name
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("environment", "theme", "remote", "usable"),
    [
        ({}, "quarterdeck-dark", False, True),
        ({"NO_COLOR": "1"}, "bastion", False, True),
        ({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "quarterdeck-dark", True, True),
        ({"TERM": "dumb"}, "quarterdeck-dark", False, False),
        ({"QUARTERDECK_THEME": "high-contrast"}, "high-contrast", False, True),
    ],
)
def test_the_terminal_is_judged_before_the_app_exists(
    environment: dict[str, str], theme: str, remote: bool, usable: bool
) -> None:
    found = terminal.detect(environment)
    assert (found.theme, found.remote, not found.problem) == (theme, remote, usable)


@pytest.mark.parametrize(("typed", "asked"), [("5m", "-5m"), ("-5m", "-5m"), ("1h30m", "-1h30m"), ("14:02", "14:02")])
async def test_changes_take_a_span_with_or_without_its_sign(console: Open, typed: str, asked: str) -> None:
    async with console("home") as (app, pilot, client):
        await pilot.press("colon", *f"changes {typed}", "enter")
        await until(pilot, lambda: "changes since" in text_of(app))
        await until(pilot, lambda: [value["since"] for name, value in client.calls if name == "changes"] == [asked])


async def test_an_export_that_cannot_be_written_is_told_in_words(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):
        await pilot.press("colon", *"export nowhere/rows.csv", "enter")
        await until(pilot, lambda: "Not exported to nowhere/rows.csv: no such file or directory." in text_of(app))
        assert "Errno" not in text_of(app)
        client.down = True
        await pilot.press("colon", *"export rows.csv", "enter")
        await until(pilot, lambda: "The daemon keeps going away" in text_of(app))
        assert app.is_running


async def test_notices_leave_the_table_to_be_read(console: Open) -> None:
    async with console("fleets") as (app, pilot, _):
        before = text_of(app).splitlines()
        app.say("There is no column 'zzz'; there are " + ", ".join(f"column_{n}" for n in range(60)) + ".", bad=True)
        await until(pilot, lambda: "There is no column 'zzz'" in text_of(app))
        hidden = sum(one != other for one, other in zip(before, text_of(app).splitlines(), strict=True))
        assert 0 < hidden <= 7


async def test_a_wrong_filter_of_an_opened_kind_is_told_once(console: Open) -> None:
    async with console("home") as (app, pilot, _):
        await pilot.press("colon", *"ec2.instance /nonsense", "enter")
        await until(pilot, lambda: "did you mean name?" in text_of(app))
        await pilot.pause(0.1)
        assert text_of(app).count("did you mean name?") == 1 and not app.screen.query("Toast")


async def test_before_the_daemon_has_answered_commands_say_so(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        app.session.client = None
        for line in ("export rows.csv", "undo 17", "actions"):
            app.clear_notifications()
            await pilot.press("colon", *line, "enter")
            await until(pilot, lambda: "the daemon has not answered yet" in text_of(app).lower())
        app.session.client = client  # type: ignore[assignment]
