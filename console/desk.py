"""The Textual app: modes, wiring and life.

What keys and commands do is in navigation.py and controls.py, when a key acts in type_ahead.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from textual._context import active_app
from textual.app import App
from textual.command import Provider
from textual.screen import Screen

import themes
from console import keymap, terminal
from console.controls import Controls
from console.navigation import Navigation
from console.palette import Palette
from console.screens.view import View
from console.session import Session
from console.type_ahead import TypeAhead
from console.views import VIEWS
from themes import palettes

_SCREENS = {
    "home": "HomeScreen",
    "clusters": "ClustersScreen",
    "fleets": "FleetsScreen",
    "spot": "SpotScreen",
    "iam": "IamScreen",
    "networking": "NetworkingScreen",
    "costs": "CostsScreen",
    "advice": "AdviceScreen",
    "coverage": "CoverageScreen",
}


def _screen_of(mode: str) -> Callable[[], Screen[Any]]:
    """A mode's screen, its module imported when the mode is first visited: start-up pays for one screen only."""

    def make() -> Screen[Any]:
        module = importlib.import_module(f"console.screens.{mode}")
        made: Screen[Any] = getattr(module, _SCREENS[mode])()
        # A new screen is styled as it mounts; Textual would parse every sheet again for it all the same.
        made._css_update_count = active_app.get()._css_update_count
        return made

    return make


_MODES: dict[str, str | Callable[[], Screen[Any]]] = {mode: _screen_of(mode) for mode in VIEWS}
_COMMANDS: set[type[Provider] | Callable[[], type[Provider]]] = {Palette}
_LEAVING_SECONDS = 5.0
_WIDTHS: list[tuple[int, str]] = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]


def _style_sheets(mode: str) -> list[str | PurePath]:
    """The common sheet and the first screen's: one that comes later makes Textual parse everything again."""
    own = Path(__file__).with_name("screens") / f"{mode}.tcss"
    return [themes.STYLE_SHEET, own] if own.exists() else [themes.STYLE_SHEET]


def _collect_again() -> None:
    """The first screen is painted: what was made until now stays, the garbage collector need not look at it again."""
    gc.enable()
    gc.freeze()


class QuarterdeckApp(TypeAhead, Navigation, Controls, App[None]):
    """One pane. `session` knows the daemon, screens show, this only connects them."""

    TITLE = "Quarterdeck"
    MODES = _MODES
    DEFAULT_MODE = "home"
    BINDINGS = keymap.bindings("app")
    COMMANDS = _COMMANDS
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = ""

    def __init__(
        self,
        session: Session,
        profile: terminal.Terminal,
        *,
        mode: str = "home",
        banner: str = "",
        first_poll: Callable[[], Any] | None = None,
        connection: asyncio.Task[None] | None = None,
    ) -> None:
        # Textual reads the first mode from the class attribute of this instance; each pane may start elsewhere.
        self.DEFAULT_MODE = mode  # type: ignore[misc]
        super().__init__(css_path=_style_sheets(mode), ansi_color=True if profile.colourless else None)
        for theme in palettes.THEMES:
            self.register_theme(theme)
        # Not by assignment, which would have every sheet parsed again with the new colours before the first paint.
        self.set_reactive(App.theme, profile.theme)
        self.stylesheet.set_variables(self.get_css_variables())
        self.terminal = profile
        self.banner = banner
        if profile.remote:
            self.animation_level = "none"
        self.session = session
        session.changed = self._session_changed
        self.failure: BaseException | None = None
        self.prompt_history: dict[str, list[str]] = {}
        self._first_poll = first_poll
        self._connection = connection
        self._interrupted_at = 0.0
        self._ending = False
        self.set_keymap_of_user()

    # -- life

    def on_load(self) -> None:
        """Connect while the first screen mounts, unless that is under way."""
        if self._connection is None:
            self._connection = asyncio.create_task(self.session.start())
        self._connection.add_done_callback(self._connection_ended)

    def on_mount(self) -> None:
        self.set_interval(60, self._minute)
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._end, number)
        if not self.is_headless and sys.__stdin__ is not None and sys.__stdin__.isatty():
            terminal.when_hung_up(sys.__stdin__.fileno(), lambda: self._hung_up(loop))
        for problem in self.key_problems:
            self.say(problem, bad=True)
        self.call_after_refresh(_collect_again)

    def _hung_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """The terminal is gone; told by the thread that waited for it, perhaps after the loop has ended."""
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end, signal.SIGHUP)

    def _end(self, number: int) -> None:
        """Leave once, however often it is asked; where leaving hangs, on a dead terminal, end all the same."""
        if not self._ending:
            self._ending = True
            self.exit(return_code=128 + number)
            asyncio.get_running_loop().call_later(_LEAVING_SECONDS, os._exit, 128 + number)

    async def on_unmount(self) -> None:
        if self._connection is not None:
            self._connection.cancel()
        if self.session.client is not None:
            await self.session.client.close()

    def _connection_ended(self, task: asyncio.Task[None]) -> None:
        """Without a daemon there is nothing to show: leave, and let `run` raise what happened."""
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()
            self.exit(return_code=1)

    def set_keymap_of_user(self) -> None:
        """Take over `keys.toml`; what of it cannot be used is told once the screen is there."""
        self.user_keys, self.key_problems = keymap.load()
        if self.user_keys:
            self.set_keymap(self.user_keys)

    # -- news

    @property
    def view(self) -> View | None:
        """The topmost screen that is a view; dialogs lie over it."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, View):
                return screen
        return None

    @property
    def open_screens(self) -> list[Screen[Any]]:
        """Every screen of every mode that has not been closed."""
        return [screen for stack in self._screen_stacks.values() for screen in stack]

    def _session_changed(self, topics: frozenset[str]) -> None:
        """The session learned something: the view in front reads again what concerns it, the others when shown."""
        if not self.is_running or not self._screen_stacks.get(self._current_mode):
            return
        front = self.view
        for screen in self.open_screens:
            if isinstance(screen, View) and screen is not front:
                screen.pending |= topics
        if front is not None and front.is_mounted:
            if "session" in topics:
                front.draw_bars()
            if topics - {"session"}:
                front.hear(topics)
        if self._first_poll is not None and self.session.polling.get("first_poll_complete"):
            first_poll, self._first_poll = self._first_poll, None
            first_poll()

    def _minute(self) -> None:
        """Ages step, unless polling is paused: then a pane writes nothing at all."""
        front = self.view
        if front is not None and not self.session.polling.get("paused"):
            front.minute()
            front.draw_bars()
