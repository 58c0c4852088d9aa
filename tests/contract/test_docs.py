"""Nothing can be typed, pressed, polled or done that is not documented, and no page tells of what is no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.actions.registry import ACTIONS
from backends.aws.kinds import KINDS
from console.cli_commands import COMMANDS
from console.commands import COMMANDS as TYPED
from console.keymap import KEYS
from console.views import VIEWS
from docs.generate import pages, stale, write
from docs.pages.commands import every_command

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_current() -> None:
    assert stale() == [], "run `make docs`"


def test_generating_twice_changes_nothing_and_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "gone.kind.md").write_text("old")
    assert "kinds/gone.kind.md" in write(tmp_path)
    assert not (tmp_path / "kinds" / "gone.kind.md").exists()
    assert stale(tmp_path) == []


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    for words, command in every_command():
        assert f"## {' '.join(('quarterdeck', *words))}\n" in text
        assert command.help, words
        for option in (name for parameter in command.params for name in parameter.opts if name.startswith("-")):
            assert option in text, (words, option)


def test_every_option_says_what_it_does() -> None:
    silent = [
        (words, parameter.name)
        for words, command in every_command()
        for parameter in command.params
        if parameter.param_type_name == "option" and not getattr(parameter, "help", "")
    ]
    assert silent == []


def test_the_lines_of_help_are_those_of_the_commands() -> None:
    for words, command in every_command():
        if len(words) == 1:
            assert COMMANDS[words[0]][2].endswith("."), words
            assert command.name == words[0] or words[0] == "import"


def test_every_binding_is_documented_with_its_id() -> None:
    text = (DOCS / "keys.md").read_text()
    assert [key.id for key in KEYS if f"`{key.id}`" not in text] == []


def test_every_typed_command_is_documented() -> None:
    text = (DOCS / "keys.md").read_text()
    assert [command.name for command in TYPED if f"`{command.usage}`" not in text] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_page_that_names_its_columns_and_permissions(kind: object) -> None:
    text = (DOCS / "kinds" / f"{kind.name}.md").read_text()  # type: ignore[attr-defined]
    for name in (*(column.name for column in kind.columns), *kind.permissions):  # type: ignore[attr-defined]
        assert f"`{name}`" in text


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_has_a_page_that_names_its_parameters_and_permissions(action: object) -> None:
    text = (DOCS / "actions" / f"{action.name}.md").read_text()  # type: ignore[attr-defined]
    for name in (*(parameter.name for parameter in action.parameters), *action.permissions):  # type: ignore[attr-defined]
        assert f"`{name}`" in text


def test_every_view_has_a_page() -> None:
    assert {path for path in pages() if path.startswith("views/")} == {f"views/{n}.md" for n in (*VIEWS, "README")}
