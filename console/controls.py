"""Steering what is looked at: commands, instant, scope, polling, analytics, theme; and the way into actions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from textual.screen import ModalScreen

import themes
from backends.client import BackendError
from console.screens.view import View
from console.widgets import format as fmt
from console.widgets.ink import Line

if TYPE_CHECKING:
    from textual.app import App

    from console import commands
    from console.session import Session
    from console.type_ahead import Hold

    _App = App[None]
else:
    _App = object  # a mixin: only the app itself is made a Textual class, which costs milliseconds each

MAX_HINTS = 6


class Controls(_App):
    """The part of the app that commands and control keys call. `say`, `open_kind`, … come from Navigation,
    `hold_keys` from TypeAhead."""

    session: Session

    if TYPE_CHECKING:

        def say(self, sentence: str, *, bad: bool = False) -> None: ...
        def hold_keys(self) -> Hold: ...
        def open_kind(self, kind: str, filter: str = "", *, trail: str = "") -> None: ...

    @property
    def _front(self) -> View | None:
        return self.screen if isinstance(self.screen, View) else None

    # -- the command bar

    async def action_command_bar(self, text: str = "") -> None:
        if self._front is not None:
            await self._front.ask("command", ":", text, completer=self._complete)

    def _complete(self, text: str) -> tuple[str, list[Line]]:
        from console import commands

        completed, meant = commands.complete(text, self.session.kinds)
        lines: list[Line] = [[(f" {usage}  ", "link"), (help, "muted")] for usage, help in meant[:MAX_HINTS]]
        if len(meant) > MAX_HINTS:
            lines[-1] = [(f" … and {len(meant) - MAX_HINTS + 1} more", "stale")]
        return completed, lines

    async def typed_command(self, text: str) -> None:
        """Run what was typed; what cannot run is explained where it was typed."""
        from console import commands

        found = commands.resolve(text, self.session.kinds)
        front = self._front
        problem = f"{found.problem} {' '.join(f':{name}' for name in found.choices)}".strip()
        if found.kind:
            problem = self._nowhere(commands.address(found.argument).scope)
        if problem and front is not None and front.prompt is not None:
            front.prompt.tell_problem(problem)
            return
        if front is not None:
            front.close_prompt()
        await self.run_resolved(found)

    def run_from_palette(self, line: str) -> None:
        """Run a command picked by name; one that needs an argument is left in the bar to be finished."""
        from console import commands

        found = commands.resolve(line, self.session.kinds)
        if found.command is not None and found.command.takes and not found.command.takes.startswith("["):
            self.call_later(self.action_command_bar, f"{line} ")
        else:
            self.call_later(self.run_resolved, found)

    async def run_resolved(self, found: commands.Resolved) -> None:
        from console import commands

        if found.kind:
            await self._open_address(found.kind, commands.address(found.argument))
        elif found.command is not None and found.command.takes:
            name = f"command_{found.command.name}"
            handler = getattr(self.screen, name, None) or getattr(self, name, None)
            if handler is None:
                self.say(f":{found.command.name} works in tables.", bad=True)
                return
            result = handler(found.argument)
            if asyncio.iscoroutine(result):
                await result
        elif found.command is not None:
            await self.run_action(found.command.action, self.screen)

    async def _open_address(self, kind: str, address: commands.Address) -> None:
        if address.at:
            await self.command_at(address.at)
        if address.scope:
            if problem := self._nowhere(address.scope):
                self.say(problem, bad=True)
                return
            accounts = map(self.session.account_called, address.scope)
            regions = tuple(word for word in address.scope if word in self.session.region_names)
            self._narrow(tuple(filter(None, accounts)), regions)
        self.open_kind(kind, address.filter)

    def _nowhere(self, scope: Sequence[str]) -> str:
        """Why these words are no part of the scope, "" where all are: a word left out would show what is not meant."""
        session = self.session
        known = [*session.account_words, *session.region_names]
        for word in scope:
            if not session.account_called(word) and word not in session.region_names:
                there = f"there are {', '.join(known)}" if known else "it is not known yet"
                return f"There is no account or region {word} in the scope; {there}."
        return ""

    # -- instants

    async def action_time_bar(self) -> None:
        if self._front is not None:
            placeholder = "-30m   -2d   14:02   2026-11-20T14:02Z   now"
            now = "now" if self.session.at else ""
            await self._front.ask("at", "at: ", now, placeholder=placeholder, selected=True)

    async def typed_at(self, text: str) -> None:
        problem = await self._go_to_instant(text or "now")
        front = self._front
        if front is not None and problem and front.prompt is not None:
            front.prompt.tell_problem(problem)
        elif front is not None:
            front.close_prompt()

    async def command_at(self, text: str) -> None:
        problem = await self._go_to_instant(text)
        if problem:
            self.say(problem, bad=True)

    async def _go_to_instant(self, text: str) -> str:
        """Look at another instant, pinned to what the text means now; returns the sentence if it means nothing."""
        session = self.session
        if text.strip() == "now":
            if session.at:
                session.heading_to("")
                self._view_moved()
            return ""
        if session.client is None or not session.kinds:
            return "The daemon has not answered yet."
        try:
            answer = await session.client.rows(next(iter(session.kinds)), at=text.strip(), limit=1)
        except (BackendError, OSError) as error:
            return str(error)
        session.heading_to(str(answer.get("at") or text.strip()))
        self._view_moved()
        return ""

    async def action_step_time(self, minutes: int) -> None:
        """Earlier or later by that many minutes; a step past the present returns to it."""
        session = self.session
        if minutes > 0 and not session.at:
            return
        present = datetime.now(UTC)
        wanted = (fmt.instant(session.at) or present) + timedelta(minutes=minutes)
        late = wanted >= present and minutes > 0
        await self.command_at("now" if late else wanted.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _view_moved(self) -> None:
        """Scope or instant changed: the view in front reads again, others when they are shown."""
        if self._front is not None:
            self._front.reload(moved=True)
            self._front.draw_bars()

    # -- scope

    async def action_pick_regions(self) -> None:
        await self._pick("Regions", self.session.region_names, self.session.narrowing.regions, "regions")

    async def action_pick_accounts(self) -> None:
        await self._pick("Accounts", self.session.account_ids, self.session.narrowing.accounts, "accounts")

    async def _pick(self, title: str, names: Sequence[str], chosen: Sequence[str], what: str) -> None:
        from console.screens.dialogs import Choice, Choose

        if isinstance(self.screen, ModalScreen):
            return
        if not names:
            self.say("The scope is not known yet.")
            return
        choices = [Choice(name, name, self.session.account_name(name) if what == "accounts" else "") for name in names]

        def picked(result: list[str] | None) -> None:
            if result is None:
                return
            narrowed = () if len(result) == len(names) else tuple(result)
            now = self.session.narrowing
            self._narrow(
                narrowed if what == "accounts" else now.accounts, narrowed if what == "regions" else now.regions
            )

        foot = "space marks · enter shows the marked ones, or this one · esc cancels"
        self.push_screen(Choose(title, choices, several=True, marked=chosen, foot=foot), picked)

    def _narrow(self, accounts: tuple[str, ...], regions: tuple[str, ...]) -> None:
        self.session.narrow(accounts, regions)
        self._view_moved()

    def command_region(self, text: str) -> None:
        wanted = tuple(text.replace(",", " ").split())
        unknown = [name for name in wanted if name not in self.session.region_names]
        if unknown:
            self.say(f"{unknown[0]} is not in the scope; there are {', '.join(self.session.region_names)}.", bad=True)
        else:
            self._narrow(self.session.narrowing.accounts, wanted)

    def command_account(self, text: str) -> None:
        words = text.replace(",", " ").split()
        wanted = tuple(map(self.session.account_called, words))
        if "" in wanted:
            there = ", ".join(self.session.account_words)
            self.say(f"{words[wanted.index('')]} is not in the scope; there are {there}.", bad=True)
        else:
            self._narrow(wanted, self.session.narrowing.regions)

    # -- polling and analytics

    def _call(self, work: Any, done: str) -> None:
        """Ask the daemon for something in the background and say how it went."""

        async def call() -> None:
            try:
                await work
            except (BackendError, OSError) as error:
                self.say(str(error), bad=True)
            else:
                if done:
                    self.say(done)
                await self.session.ask_status()

        self.run_worker(cast(Any, call), group="calls")

    def action_refresh_poll(self) -> None:
        if self.session.client is None:
            return
        kinds = [key for key in (getattr(self._front, "kind", ""),) if key]
        what = kinds[0] if kinds else "everything"
        self._call(self.session.client.poll(kinds, self.session.narrowing.regions), f"Polling {what}.")

    def action_pause_polling(self) -> None:
        if self.session.client is not None:
            paused = bool(self.session.polling.get("paused"))
            self._call(
                self.session.client.polling(not paused), "Polling resumed." if paused else "Polling paused; p resumes."
            )

    def action_analyze(self) -> None:
        if self.session.client is not None:
            self.say("Forecasting, scanning and advising …")
            self._call(self.session.client.analyze(), "Forecasts, anomalies and advice are new.")

    def focus_kinds(self, kinds: list[str]) -> None:
        """Tell the daemon what is on screen; nobody waits for it."""
        client = self.session.client
        if client is None:
            return

        async def focus() -> None:
            try:
                await client.focus(kinds)
            except (BackendError, OSError):
                return

        self.run_worker(cast(Any, focus), group="focus", exclusive=True)

    # -- looks

    def command_theme(self, text: str) -> None:
        if text in themes.NAMES:
            self.theme = text
            if self._front is not None:
                self._front.refresh(layout=True)
        else:
            self.say(f"There is no theme {text!r}; there are {', '.join(themes.NAMES)}.", bad=True)

    # -- acting

    def start_action(
        self, kind: str, refs: Sequence[str], values: dict[str, Any], proposed: dict[str, Any] | None = None
    ) -> None:
        """The only door to writes: choose an action, fill in its parameters, see the plan, confirm."""
        from console.screens.acting import act

        if self.session.at:
            self.say("This is a replay; :at now returns to the present, where actions are.", bad=True)
        else:
            hold = self.hold_keys()
            self.run_worker(act(self, hold, kind, list(refs), values, proposed), group="acting", exclusive=True)

    def command_undo(self, text: str) -> None:
        from console.screens.acting import undo

        self.run_worker(undo(self, self.hold_keys(), text), group="acting", exclusive=True)
