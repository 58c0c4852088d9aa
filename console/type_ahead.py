"""Keys act in the order in which they were typed, each on what the ones before it have led to.

Textual hands a key to the focused widget's queue, from where it travels up to the app; a binding acts only there. So
the letters that follow `/` in one burst would be on their way to the table before `/` has opened its line.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from textual import events
from textual.message_pump import MessagePump
from textual.screen import ModalScreen

from console import keymap
from console.screens.view import View

if TYPE_CHECKING:
    from textual.app import App

    _App = App[None]
else:
    _App = object  # a mixin: only the app itself is made a Textual class, which costs milliseconds each

PATIENCE = 5.0
"""Seconds that keys wait for what they may be meant for; then they are dropped, since nobody knows any longer."""
_GLANCE = 0.002
_AT_ONCE = 50  # looks without a pause: most keys have led to everything by then


class Hold:
    """While one is held, keys wait for the dialog that is to come; a dialog that is open gets its keys all the same."""

    def __init__(self, holds: set[Hold]) -> None:
        self._holds = holds
        holds.add(self)

    def release(self) -> None:
        self._holds.discard(self)


class TypeAhead(_App):
    """The part of the app through which every key goes. `say` comes from Navigation."""

    user_keys: dict[str, str]

    if TYPE_CHECKING:

        def say(self, sentence: str, *, bad: bool = False) -> None: ...

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._turn: events.Event | None = None
        self._taking_turns: asyncio.Task[None] | None = None
        self._holds: set[Hold] = set()

    def hold_keys(self) -> Hold:
        """Have keys wait for a dialog that something else, such as an answer of the daemon, has to come before."""
        return Hold(self._holds)

    def drop_typed(self) -> None:
        """Forget keys that wait: they were typed for something that nobody had seen yet."""
        self._typed.clear()

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or event is self._turn:
            await super().on_event(event)
        elif self._overtakes(event):
            self.drop_typed()
            await super().on_event(event)
        elif self._taking_turns is None and self._message_queue.empty() and self._at_rest(busy=self):
            await super().on_event(event)
        else:
            self._typed.append(event)
            if self._taking_turns is None:
                self._taking_turns = asyncio.create_task(self._take_turns())

    def _overtakes(self, event: events.Event) -> bool:
        """Keys for leaving wait for nothing, as those that make signals in a terminal."""
        leaving = ("app.quit", "app.interrupt", "app.suspend")
        return isinstance(event, events.Key) and any(event.key in keymap.keys_of(id, self.user_keys) for id in leaving)

    async def _take_turns(self) -> None:
        try:
            while self._typed:
                try:
                    await asyncio.wait_for(self._rest(), PATIENCE)
                except TimeoutError:
                    self.drop_typed()
                    self._holds.clear()
                    self.say("What was typed meanwhile is dropped: the answer is slow.", bad=True)
                if self._typed:
                    self._turn = self._typed.popleft()
                    self.post_message(self._turn)
        finally:
            self._taking_turns = None

    async def _rest(self) -> None:
        """Until earlier keys have led to all that they lead to. Nobody tells when that is, so it is looked for."""
        looked = 0
        while not self._at_rest():
            looked += 1
            await asyncio.sleep(0 if looked < _AT_ONCE else _GLANCE)

    def _at_rest(self, busy: MessagePump | None = None) -> bool:
        """Whether all has come about that earlier keys set going; `busy` is who asks, since that is never idle."""
        stack = self._screen_stacks.get(self._current_mode)
        if not stack or not stack[-1].is_mounted:
            return False
        screen = stack[-1]
        if self._holds and not isinstance(screen, ModalScreen):
            return False
        if isinstance(screen, View) and screen.rows_in_doubt:
            return False
        way = (screen.focused or screen).ancestors_with_self
        return all(_idle(node) for node in way if node is not busy and not node._closed)


def _idle(node: MessagePump) -> bool:
    """Whether a node waits for its next message; asyncio alone knows that somebody waits for an event."""
    queue: Any = node._message_queue
    return queue.empty() and bool(queue.ready_event._waiters)
