"""What every screen has: header, footer, the line for typing, closing, and reading again what changed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.screen import Screen

from console import keymap
from console.screens import chrome
from console.widgets.ink import Span
from console.widgets.lines import Bar
from console.widgets.sanitise import sanitise

if TYPE_CHECKING:
    from console.desk import QuarterdeckApp
    from console.session import Session
    from console.widgets.prompt import Prompt

MINIMUM = (40, 10)


class View(Screen[None]):
    """A full screen of the console. `help_page` names its page beside this module; `topics` are the events it shows."""

    BINDINGS = keymap.bindings("view")
    ESCAPE_TO_MINIMIZE = False
    help_page = "view"
    topics: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.pending: set[str] = set()
        self.coverage: dict[str, Any] = {}
        self.as_of = ""
        self.oldest = ""
        self._prompt: Prompt | None = None
        self._shown_generation = -1

    @property
    def desk(self) -> QuarterdeckApp:
        return cast("QuarterdeckApp", self.app)

    @property
    def session(self) -> Session:
        return self.desk.session

    # -- layout

    def compose(self) -> ComposeResult:
        header = Bar(id="header", base="on-head")
        header.add_class("-head")
        yield header
        yield from self.compose_body()
        yield Bar(id="footer", base="on-head")

    def compose_body(self) -> ComposeResult:
        yield from ()

    def on_mount(self) -> None:
        self.ready()

    def ready(self) -> None:
        """The widgets are there. Extended by subclasses; `on_mount` is not, since Textual calls that of every class."""
        self.draw_bars()
        self.reload()

    def on_screen_resume(self) -> None:
        """Shown again: what changed meanwhile is read now, and nothing if nothing did."""
        self.call_after_refresh(self.draw_bars)
        moved = self._shown_generation != self.session.generation
        if self.is_mounted and self._shown_generation >= 0 and (moved or self.concerns(frozenset(self.pending))):
            self.reload(moved=moved)
        self.pending.clear()
        self.focus_on_screen()

    def focus_on_screen(self) -> None:
        """Tell the daemon which kinds are on screen."""

    def on_resize(self) -> None:
        self.draw_bars()

    # -- header and footer

    def trail(self) -> str:
        """Where one is, as `fleets › instances`."""
        return self.desk.current_mode

    def position(self) -> str:
        return ""

    def hints(self) -> list[Span]:
        """Keys worth knowing here."""
        return []

    def draw_bars(self) -> None:
        if not self.is_mounted:
            return
        cells = self.size.width
        if cells < MINIMUM[0]:
            return
        header, footer = self.query_one("#header", Bar), self.query_one("#footer", Bar)
        fresh = self.as_of, self.coverage, self.oldest
        header.set_lines(chrome.header(self.session, self.trail(), cells, self.desk.banner, *fresh))
        # Keys give way to what part of the scope is looked at.
        hints = self.hints()[-1:] if self.session.narrowed and cells < chrome.ROOMY else self.hints()
        footer.set_lines([chrome.arrange(self.footer_parts(), hints, cells)])

    def footer_parts(self) -> list[Span]:
        return [
            (self.position(), "bold"),
            (sanitise(self.session.narrowed, 40), "mark"),
            *chrome.coverage_spans(self.coverage),
        ]

    # -- data

    def concerns(self, topics: frozenset[str]) -> bool:
        return bool(topics & self.topics) or "*" in topics

    def hear(self, topics: frozenset[str]) -> None:
        """Events came in while this is on screen."""
        if self.concerns(topics):
            self.reload()

    def reload(self, *, moved: bool = False) -> None:
        """Read what is shown again. `moved`: scope or instant changed, what is shown no longer holds."""

    def background(self, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool = True) -> None:
        """Run `work` beside the screen; with `exclusive` a newer one of the group replaces it."""

        async def while_shown() -> None:
            """A closed screen loses its widgets before its workers: an answer that comes in between has no place."""
            try:
                await work()
            except NoMatches:
                if self in self.desk.open_screens:
                    raise

        self.run_worker(cast(Any, while_shown), group=group, exclusive=exclusive)

    @property
    def rows_in_doubt(self) -> bool:
        """Whether other rows than those on screen were asked for, so that no key may act on what is there."""
        return False

    def minute(self) -> None:
        """A minute went by: ages step."""

    def mark_shown(self) -> None:
        self._shown_generation = self.session.generation

    # -- typing

    async def ask(self, purpose: str, label: str, text: str = "", **options: Any) -> None:
        """Open the line at the bottom; it is made on first use."""
        if self._prompt is None:
            from console.widgets.prompt import Prompt

            self._prompt = Prompt()
            self._prompt.history = self.desk.prompt_history
            await self.mount(self._prompt)
        self._prompt.open(purpose, label, text, **options)

    @property
    def prompt(self) -> Prompt | None:
        return self._prompt if self._prompt is not None and self._prompt.is_open else None

    def close_prompt(self) -> None:
        if self._prompt is not None:
            self._prompt.close()
        self.focus_main()

    def focus_main(self) -> None:
        """Put the focus back on what the screen is about."""

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        """Typing rests. Overridden where a purpose is live."""

    async def on_prompt_done(self, message: Prompt.Done) -> None:
        handler: Callable[[str], Any] | None = getattr(self, f"typed_{message.purpose}", None)
        if handler is None:
            handler = getattr(self.desk, f"typed_{message.purpose}")
        result = handler(message.text)
        if result is not None:
            await result

    def on_prompt_dropped(self, message: Prompt.Dropped) -> None:
        self._drop_prompt(message.purpose)

    def _drop_prompt(self, purpose: str) -> None:
        self.close_prompt()
        self.prompt_dropped(purpose)

    def prompt_dropped(self, purpose: str) -> None:
        """Typing was given up. Overridden where a purpose is live: what it changed is undone."""

    def tell_problem(self, sentence: str) -> None:
        """Say what is wrong: above the line being typed, else as a notice."""
        if self.prompt is not None:
            self.prompt.tell_problem(sentence)
        else:
            self.desk.say(sentence, bad=True)

    # -- keys

    def action_close_view(self) -> None:
        self.desk.close_view()

    def action_escape(self) -> None:
        if self.prompt is not None:
            self._drop_prompt(self.prompt.purpose)
        elif len(self.desk.screen_stack) > 1:
            self.desk.close_view()

    def _not_here(self, what: str) -> None:
        self.desk.say(f"{what} works in tables; press ? for what works here.")

    def action_filter(self) -> Any:
        self._not_here("Filtering")

    def action_sort_by_letter(self) -> None:
        self._not_here("Sorting")

    def action_sort_here(self) -> None:
        self._not_here("Sorting")

    def action_reverse_sort(self) -> None:
        self._not_here("Sorting")

    def action_detail(self) -> Any:
        self._not_here("Detail")

    def action_raw(self) -> Any:
        self._not_here("Raw JSON")

    def action_explain(self) -> Any:
        self.desk.say("There is nothing to explain here: x works on advice and on flagged rows.")

    def action_actions(self) -> Any:
        self._not_here("Acting")

    def action_copy_cell(self) -> None:
        self._not_here("Copying")

    def action_copy_id(self) -> None:
        self._not_here("Copying")

    def action_wide(self) -> None:
        self._not_here("Choosing columns")

    def action_toggle_panel(self) -> None:
        self.desk.say("There is no panel here.")

    def action_score(self) -> None:
        self.desk.say("Say a need first: :need vcpu>=4 memory>=16 count=20")

    def action_next_look(self) -> None:
        self.desk.say("The panel here has one look only.")

    def action_export(self) -> Any:
        self._not_here("Export")

    def action_next_tab(self, step: int) -> None:
        """Screens with tabs move to the next."""
