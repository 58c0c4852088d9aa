"""One table on a whole terminal, for measuring: `python -m benchmarks.table_host resource|datatable ROWS`.

Both show the same cells: twelve columns, two of them coloured, one a filled sparkline. Prints `LOADED <seconds>` in the
title line once the table has its rows.
"""

from __future__ import annotations

import sys
import time

from textual.app import App, ComposeResult
from textual.widgets import Static

import themes
from console.widgets import format as fmt
from console.widgets.resource_table import ResourceTable
from console.widgets.table_columns import TableColumn
from themes import palettes

NAMES = ["ref", "health", "id", "name", "type", "state", "zone", "price", "spark", "cpu", "launched", "owner", "tags"]
STATES = ("running", "stopped", "pending", "terminated")
LOOKS = {"running": "ok", "stopped": "stale", "pending": "warn", "terminated": "bad"}
WORDS = ("ok", "warn", "bad", "ok", "unknown")
WAVE = [float((step * 7) % 11) for step in range(24)]


def make_row(number: int) -> list[object]:
    return [
        f"r{number}",
        WORDS[number % 5],
        f"i-{number:017x}",
        f"web-{number % 977}-production",
        f"m{number % 6 + 2}.xlarge",
        STATES[number % 4],
        f"us-east-1{'abcdf'[number % 5]}",
        0.01 + (number % 400) / 1000,
        WAVE[number % 12 :] + WAVE[: number % 12],
        number % 100,
        f"2026-11-{number % 20 + 1:02d}T10:00:00Z",
        f"team-{number % 17}",
        f"cost-center={number % 31} env=prod app=shop-{number % 9}",
    ]


COLUMNS = [
    TableColumn(
        "health", "health", cells=9, fixed=True, text=fmt.health, look=lambda v: "stale" if v == "unknown" else v
    ),
    TableColumn("id", "id", fixed=True, cells=19),
    TableColumn("name", "name", cells=20),
    TableColumn("type", "type", cells=10),
    TableColumn("state", "state", cells=10, look=lambda v: LOOKS[v]),
    TableColumn("zone", "zone", cells=10),
    TableColumn("price", "price", type="number", unit="USD/h", cells=7),
    TableColumn("spark", "24 h", cells=24, text=lambda v: fmt.sparkline(v, 24), look=lambda v: "forecast"),
    TableColumn("cpu", "cpu", type="integer", cells=4),
    TableColumn("launched", "launched", cells=20),
    TableColumn("owner", "owner", cells=8),
    TableColumn("tags", "tags", type="text"),
]


class ResourceHost(App[None]):
    def __init__(self, rows: int) -> None:
        super().__init__()
        for theme in palettes.THEMES:
            self.register_theme(theme)
        self.theme = themes.DEFAULT
        self.count = rows

    def compose(self) -> ComposeResult:
        yield Static("…", id="title")
        yield ResourceTable(id="table")

    def on_mount(self) -> None:
        started = time.perf_counter()
        table = self.query_one(ResourceTable)
        table.set_columns(COLUMNS)
        table.set_window(NAMES, 0, [make_row(number) for number in range(150)], self.count)
        table.focus()
        self.call_after_refresh(self.told, started)

    def told(self, started: float) -> None:
        self.query_one("#title", Static).update(f"LOADED {time.perf_counter() - started:.4f}")

    def on_resource_table_window_wanted(self, message: ResourceTable.WindowWanted) -> None:
        end = min(self.count, message.offset + message.limit)
        message.table.set_window(
            NAMES, message.offset, [make_row(n) for n in range(message.offset, end)], self.count, fresh=False
        )


class DataTableHost(App[None]):
    def __init__(self, rows: int) -> None:
        super().__init__()
        self.count = rows

    def compose(self) -> ComposeResult:
        from textual.widgets import DataTable

        yield Static("…", id="title")
        yield DataTable(cursor_type="row", fixed_columns=2)

    def on_mount(self) -> None:
        from rich.text import Text
        from textual.widgets import DataTable

        started = time.perf_counter()
        table = self.query_one(DataTable)
        for column in COLUMNS:
            table.add_column(column.title, key=column.name)
        places = [(NAMES.index(column.name), column) for column in COLUMNS]
        colours = {"ok": "green", "warn": "yellow", "bad": "red", "stale": "grey50", "forecast": "cyan"}
        for number in range(self.count):
            row = make_row(number)
            cells: list[object] = []
            for index, column in places:
                text = column.text(row[index]) if column.text else fmt.value(row[index], column.type, column.unit)
                cells.append(Text(text, style=colours[column.look(row[index])]) if column.look else text)
            table.add_row(*cells, key=str(row[0]))
        table.focus()
        self.call_after_refresh(self.told, started)

    def told(self, started: float) -> None:
        self.query_one("#title", Static).update(f"LOADED {time.perf_counter() - started:.4f}")


if __name__ == "__main__":
    host = {"resource": ResourceHost, "datatable": DataTableHost}[sys.argv[1]]
    host(int(sys.argv[2])).run()
