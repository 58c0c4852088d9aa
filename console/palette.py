"""The ctrl+p palette: the same registry as the `:` bar, searched fuzzily."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from console.desk import QuarterdeckApp


class Palette(Provider):
    """Commands and kinds. One that needs an argument opens the `:` bar with its name typed."""

    def _entries(self) -> list[tuple[str, str, str]]:
        """(text searched, help, line to run)."""
        from console.commands import COMMANDS

        app = cast("QuarterdeckApp", self.app)
        out = [(f"{command.name}: {command.help}", command.usage, command.name) for command in COMMANDS]
        out += [(f"{name}: the table of {kind['title']}", f":{name}", name) for name, kind in app.session.kinds.items()]
        return out

    def _run(self, line: str) -> None:
        cast("QuarterdeckApp", self.app).run_from_palette(line)

    async def discover(self) -> Hits:
        for text, help, line in self._entries():
            yield DiscoveryHit(text, lambda line=line: self._run(line), text=text, help=help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, help, line in self._entries():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), lambda line=line: self._run(line), text=text, help=help)
