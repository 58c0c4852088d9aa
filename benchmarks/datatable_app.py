"""Textual's own DataTable with the cells that `table_app` shows: two coloured columns, a sparkline, the rest plain."""

import sys
import time
from pathlib import Path

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from benchmarks.cells import COLUMNS, cells


class Baseline(App[None]):
    def __init__(self, rows: int, report: str):
        super().__init__()
        self.rows, self.report = rows, report

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        started = time.perf_counter()
        table.add_columns(*(name for name, _ in COLUMNS))
        table.add_rows(
            [Text(text, style=style) if style else text for text, style in cells(number)] for number in range(self.rows)
        )
        table.focus()
        self.call_after_refresh(self.done, started)

    def done(self, started: float) -> None:
        Path(self.report).write_text(str(time.perf_counter() - started))
        self.title = "ready"


if __name__ == "__main__":
    Baseline(int(sys.argv[1]), sys.argv[2]).run()
