"""Getting about: modes, drilling in, back and forward, detail, raw, help, and leaving."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.screen import ModalScreen, Screen

from console.widgets.sanitise import cut, sanitise

if TYPE_CHECKING:
    from textual.app import App

    from console.session import Session

    _App = App[None]
else:
    _App = object  # a mixin: only the app itself is made a Textual class, which costs milliseconds each

MOST_SAID = 280
"""Cells of a notice."""

COPY_MOST = 74_994
"""Bytes that terminals take in one OSC 52 sequence; more goes to a file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A view to come back to: its mode and tab, the filter, and where it was drilled into, kind and filter of that."""

    mode: str
    tab: str = ""
    filter: str = ""
    drill: tuple[str, str, str] | None = None


class Navigation(_App):
    """The part of the app that moves between views."""

    session: Session

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places: list[Place] = []
        self._at_place = -1
        self._travelling = False

    # -- saying and copying

    def say(self, sentence: str, *, bad: bool = False) -> None:
        """A passing notice, of a few lines at most: it lies over what somebody reads."""
        told = cut(sanitise(sentence), MOST_SAID)
        self.notify(told, severity="error" if bad else "information", timeout=6 if bad else 3, markup=False)

    def copy(self, text: str, what: str) -> None:
        """To the clipboard by OSC 52, which works through SSH; what is too long for it goes to a file."""
        if len(text.encode()) <= COPY_MOST:
            self.copy_to_clipboard(text)
            self.say(f"Copied {what if len(what) < 120 else what[:120] + '…'}.")
            return
        from console.screens.export import spill

        self.say(f"Too long for the clipboard; written to {spill(text)}.")

    # -- modes and places

    def action_mode(self, mode: str) -> None:
        """Another area; each keeps its own stack of views."""
        if isinstance(self.screen, ModalScreen):
            return
        if mode == self.current_mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(mode)
        self.call_after_refresh(self.remember_view)

    def _place(self) -> Place:
        from console.screens.resources import ResourceScreen

        screen = self.screen
        root = self.screen_stack[0]
        tab = root.tab if isinstance(root, ResourceScreen) else ""
        drill = None
        if screen is not root and isinstance(screen, ResourceScreen):
            drill = (screen.kind, screen.filter, screen.trail().rpartition(" › ")[0])
        return Place(self.current_mode, tab, getattr(screen, "filter", ""), drill)

    def remember_view(self) -> None:
        """Note where one is, for `[`; what lay ahead is forgotten."""
        if self._travelling or not self.screen_stack:
            return
        place = self._place()
        if self._at_place >= 0 and self._places[self._at_place] == place:
            return
        del self._places[self._at_place + 1 :]
        self._places.append(place)
        del self._places[:-50]
        self._at_place = len(self._places) - 1

    async def action_travel(self, step: int) -> None:
        """Back to the view before, or forward again."""
        if isinstance(self.screen, ModalScreen):
            return
        if not self._places or self._places[self._at_place] != self._place():
            self.remember_view()
        target = self._at_place + step
        if not 0 <= target < len(self._places):
            self.say("There is no view further back." if step < 0 else "There is no view further on.")
            return
        self._at_place = target
        place = self._places[target]
        self._travelling = True
        try:
            if place.mode != self.current_mode:
                await self.switch_mode(place.mode)
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            root: Any = self.screen
            if place.tab and getattr(root, "tab", place.tab) != place.tab:
                root.show_tab(place.tab)
            if place.drill is None and hasattr(root, "set_filter"):
                root.set_filter(place.filter)
            if place.drill is not None:
                self.open_kind(place.drill[0], place.drill[1], trail=place.drill[2])
        finally:
            self._travelling = False

    def open_kind(self, kind: str, filter: str = "", *, trail: str = "", drills: dict[str, str] | None = None) -> None:
        """A table of one kind on top of this view."""
        from console.screens.resources import ResourceScreen

        title = str(self.session.kinds.get(kind, {}).get("title") or kind)
        screen = ResourceScreen(((kind, title),), filter=filter, trail=trail or self.current_mode)
        if drills:
            screen.ways = drills
        self.push_screen(screen)
        self.call_after_refresh(self.remember_view)

    def open_detail(self, ref: str, trail: str) -> None:
        from console.screens.detail import DetailScreen

        self.push_screen(DetailScreen(ref, trail))

    def open_raw(self, ref: str, trail: str) -> None:
        from console.screens.raw import RawScreen

        self.push_screen(RawScreen(ref, trail))

    def action_help(self) -> None:
        from console.screens.help import HelpScreen
        from console.screens.view import View

        screen = self.screen
        if isinstance(screen, View) and not isinstance(screen, HelpScreen):
            self.push_screen(HelpScreen(screen.help_page, screen.trail()))

    def action_keys(self) -> None:
        from console.screens.help import KeysScreen

        self.push_screen(KeysScreen())

    def action_open_audit(self) -> None:
        from console.screens.audit import AuditScreen

        self.push_screen(AuditScreen())

    def action_open_anomalies(self) -> None:
        from console.screens.anomalies import AnomaliesScreen

        self.push_screen(AnomaliesScreen())

    def action_open_savings(self) -> None:
        from console.screens.savings import SavingsScreen

        self.push_screen(SavingsScreen())

    def action_open_demand(self) -> None:
        from console.screens.demand import DemandScreen

        self.push_screen(DemandScreen())

    def command_need(self, text: str) -> None:
        from console.screens.pools import PoolsScreen

        self.push_screen(PoolsScreen(text))

    def command_changes(self, text: str) -> None:
        from console.commands import ago
        from console.screens.changes import ChangesScreen

        self.push_screen(ChangesScreen(ago(text or "30m")))

    # -- leaving

    def close_view(self) -> None:
        """Back to the view below; at the root, ask whether to leave."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.ask_to_leave()

    def ask_to_leave(self) -> None:
        from console.screens.dialogs import Question

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit()

        if not isinstance(self.screen, Question):
            text = "Other panes go on, and so does the daemon for as long as it is set to."
            self.push_screen(Question("Leave Quarterdeck?", text, "leave"), answered)

    def action_leave(self) -> None:
        self.exit()

    def action_interrupt(self) -> None:
        """Copy what is selected; without a selection, twice asks whether to leave, and once more leaves."""
        from console.screens.dialogs import Question

        selected = self.screen.get_selected_text() or getattr(self.focused, "selected_text", "")
        if selected:
            self.copy(selected, "the selection")
            return
        now = time.monotonic()
        if isinstance(self.screen, Question):
            self.exit()
        elif now - self._interrupted_at < 3:
            self.ask_to_leave()
        else:
            self.say("Press ctrl+c again to be asked whether to quit.")
        self._interrupted_at = now

    _interrupted_at: float

    def top_view(self) -> Screen[Any]:
        """The screen that commands act on."""
        return self.screen
