"""The smallest useful Textual app: the baseline that a pane's first rows are held against."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Minimal(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("\n".join(f"row {number:03d} i-0123456789abcdef0 running m5.large" for number in range(45)))


if __name__ == "__main__":
    Minimal().run()
