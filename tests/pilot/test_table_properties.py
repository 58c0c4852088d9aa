"""Any text at all: what is drawn has exactly its width, no control character, and a width that characters agree on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from console.widgets import format as fmt
from console.widgets.bars import bar_lines
from console.widgets.ink import Ink, plain, strip_of, wrap
from console.widgets.price_chart import Fan, draw
from console.widgets.sanitise import cut, fit, sanitise, width
from console.widgets.table_columns import Geometry, TableColumn, lay_out, sample, widths_of
from console.widgets.table_cursor import follow
from console.widgets.table_lines import header_line, letters_for, row_line
from console.widgets.table_window import MOST_ROWS, Window

NASTY = "\x1b[m\x00\x07\n\r\t\u202e\u2066\u200b\u200d\ufe0f\u0301\u0336\u20e3 aé한👍🏽🇩🇪🏴\ud83d[]\\/"
WILD = st.one_of(
    st.text(max_size=60),
    st.text(
        alphabet="\x1b[m\x00\x07\n\r\t\u202e\u2066\u200b\u200d\ufe0f\u0301\u0336\u20e3 aé한👍🏽🇩🇪🏴\ud83d[]\\/",
        max_size=40,
    ),
)
INK = Ink({"foreground": "#ffffff", "background": "#000000"})
NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


def harmless(text: str) -> bool:
    return not any(category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text)


def placed(row: list[str], geometry: Geometry) -> list[str]:
    """The values of the columns in view, in their order."""
    return [row[place.source] for place in geometry.placed]


@given(WILD)
@example("\x1b]52;c;ZXZpbA==\x07")
@example("a" + "\u0336" * 10_000)
@example("\u202egnirts desrever\u202c")
def test_sanitised_text_is_harmless_and_its_width_is_the_sum_of_its_characters(text: str) -> None:
    shown = sanitise(text)
    assert harmless(shown)
    assert width(shown) == sum(get_character_cell_size(character) for character in shown) == cell_len(shown)
    assert sanitise(shown) == shown


@given(WILD, st.integers(0, 50), st.booleans())
def test_fitted_text_has_exactly_its_cells(text: str, cells: int, right: bool) -> None:
    assert cell_len(fit(sanitise(text), cells, right)) == cells
    assert width(cut(sanitise(text), cells)) <= max(1, cells)


@settings(max_examples=60)
@given(st.lists(WILD, min_size=5, max_size=5), st.integers(20, 200), st.integers(0, 4), st.booleans(), st.booleans())
def test_any_row_is_drawn_in_exactly_the_width_there_is(
    values: list[str], cells: int, left: int, marked: bool, cursor: bool
) -> None:
    columns = [TableColumn(name, name, fixed=not n) for n, name in enumerate(("ref", "a", "b", "c", "d"))]
    geometry = lay_out(columns, [c.name for c in columns], widths_of(columns, {"a": 12, "c": 3}), cells, left)
    line = row_line(placed(values, geometry), geometry, NOW, marked=marked, cursor=cursor, stale=False)
    strip = strip_of(line, cells, INK, "on-background" if cursor else "")
    assert cell_len(strip.text) == cells and harmless(strip.text)
    header = strip_of(header_line(geometry, ("b", True), "a"), cells, INK)
    assert cell_len(header.text) == cells


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WILD, st.lists(WILD, max_size=3)))
def test_any_value_of_any_declared_type_is_one_harmless_text(value: object) -> None:
    for type_ in ("text", "integer", "number", "boolean", "time", "tags", "list"):
        for unit in ("", "USD", "USD/h", "GiB", "B", "s"):
            assert harmless(fmt.value(value, type_, unit, NOW))


@given(st.lists(st.tuples(WILD, st.sampled_from(["", "bad", "muted"])), max_size=4), st.integers(8, 60))
def test_wrapped_text_loses_nothing_but_blanks_and_fits(spans: list[tuple[str, str]], cells: int) -> None:
    line = [(sanitise(text), look) for text, look in spans]
    wrapped = wrap(line, cells)
    assert all(width(plain(part)) <= cells for part in wrapped)
    assert "".join(map(plain, wrapped)).replace(" ", "") == plain(line).replace(" ", "")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (18680.12, "", "18,680.12"),
        (21640.0, "", "21,640"),
        (26_600.5, "", "26,600.50"),
        (0.1234567, "", "0.1235"),
        (99.987, "", "99.99"),
        (18680.12, "USD", "18,680.12"),
        (100.0, "USD", "100.00"),
        (512, "B", "512 B"),
        (1536, "B", "1.5 KiB"),
        (92_274_698_240, "B", "85.9 GiB"),
        (1024**2 - 1, "B", "1.0 MiB"),
        (3 * 1024**4, "B", "3.0 TiB"),
        (300, "s", "300 s"),
        (5400, "s", "1h 30m"),
        (345_600, "s", "4d"),
        (31_536_000, "s", "365d"),
    ],
)
def test_numbers_read_as_people_write_them(value: float, unit: str, text: str) -> None:
    type_ = "integer" if isinstance(value, int) else "number"
    assert fmt.value(value, type_, unit) == text
    column = TableColumn("n", "n", type=type_, unit=unit)
    assert widths_of([column], {"n": len(json.dumps(value))})["n"] >= len(text)


@given(st.integers(0, 10**10), st.sampled_from(["", "B", "s"]))
def test_a_whole_number_has_the_cells_it_needs(value: int, unit: str) -> None:
    column = TableColumn("n", "n", type="integer", unit=unit)
    assert widths_of([column], {"n": len(str(value))})["n"] >= len(fmt.value(value, "integer", unit))


@given(st.floats(0, 1e14))
def test_only_the_tiniest_numbers_are_written_with_an_exponent(value: float) -> None:
    assert ("e" in fmt.number(value)) == (0 < value < 1e-4 and "e" in f"{value:.4g}")


def test_what_is_missing_is_said_and_never_zero() -> None:
    assert fmt.value(None, "number", "USD") == "unpriced"
    assert fmt.value(None, "integer") == fmt.MISSING
    assert fmt.money(None) == "unpriced"


def test_one_row_is_few_runs_of_style() -> None:
    columns = [TableColumn("ref", "ref"), TableColumn("state", "state", look=lambda _: "ok"), TableColumn("b", "b")]
    geometry = lay_out(columns, ["ref", "state", "b"], widths_of(columns, {}), 80, 0)
    values = placed(["r", "running", "x"], geometry)
    line = row_line(values, geometry, NOW, marked=False, cursor=False, stale=False)
    assert len(list(strip_of(line, 80, INK))) == 3
    under_cursor = row_line(values, geometry, NOW, marked=False, cursor=True, stale=False)
    assert len(list(strip_of(under_cursor, 80, INK, "on-background"))) == 1


@given(st.integers(0, 500), st.integers(0, 999), st.integers(1, 60), st.integers(1, 1000), st.integers(1, 20))
def test_the_view_always_holds_the_cursor(top: int, cursor: int, page: int, total: int, stride: int) -> None:
    cursor = min(cursor, total - 1)
    found = follow(top, cursor, page, total, min(stride, page))
    assert 0 <= found <= max(0, total - page)
    assert found <= cursor < found + page


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 150)), max_size=12))
def test_a_window_never_holds_more_than_its_bound(windows: list[tuple[int, int]]) -> None:
    window = Window(total=6000)
    for offset, size in windows:
        window.extend(offset, [[number] for number in range(offset, offset + size)], 6000)
        assert len(window.rows) <= MOST_ROWS
        assert all(window.row(number) == [number] for number in range(offset, offset + min(size, 100)))


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=20))
def test_sort_letters_are_distinct(names: list[str]) -> None:
    letters = letters_for([TableColumn(name, name) for name in names])
    assert len(set(letters.values())) == len(letters)


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=30),
    st.integers(1, 140),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
)
def test_charts_keep_to_their_room_with_any_values(
    values: list[float], cells: int, rows: int, plain_look: bool, ascii_only: bool
) -> None:
    hours = [float(n + 1) for n in range(len(values))]
    fan = Fan(
        [(-h, v) for h, v in zip(reversed(hours), values, strict=True)], hours, values, [(values, values)], values
    )
    lines = draw(fan, cells, rows, plain=plain_look, ascii=ascii_only)
    if cells >= 21 and rows >= 4:
        assert len(lines) == rows
        assert all(width(plain(line)) <= cells for line in lines)
        if ascii_only:
            assert all(plain(line).isascii() for line in lines)
    bars = bar_lines(values, [f"2026-11-{n + 1:02d}" for n in range(len(values))], {0}, cells, rows)
    assert len(bars) <= max(1, rows)


def test_a_chart_nests_its_bands_and_marks_now() -> None:
    hours = [float(h) for h in range(0, 49, 6)]
    flat = [10.0] * len(hours)
    bands = [([10 - w] * len(hours), [10 + w] * len(hours)) for w in (6.0, 4.0, 2.0)]
    lines = draw(Fan([(-24.0, 10.0), (0.0, 10.0)], hours, flat, bands, flat), 80, 20)
    looks = [look for line in lines for _, look in line]
    assert {"on-band-95", "on-band-80", "on-band-50"} <= {part for look in looks for part in look.split()}
    assert "now" in plain(lines[-1])


def test_a_wide_text_makes_room_for_the_whole_of_the_next_column() -> None:
    columns = [TableColumn("id", "id", fixed=True), TableColumn("name", "name"), TableColumn("address", "address")]
    sampled = {"id": 19, "name": 36, "address": 15}
    geometry = lay_out(columns, ["id", "name", "address"], widths_of(columns, sampled), 66, 0)
    assert [place.cells for place in geometry.placed] == [19, 28, 15]
    assert geometry.placed[-1].x + geometry.placed[-1].cells == 66


@given(st.integers(20, 120), st.lists(st.integers(3, 40), min_size=2, max_size=9))
def test_columns_out_of_sight_are_counted_where_it_is_seen(cells: int, wide: list[int]) -> None:
    columns = [TableColumn(f"c{n}", f"c{n}", cells=own, fixed=not n) for n, own in enumerate(wide)]
    geometry = lay_out(columns, [c.name for c in columns], widths_of(columns, {}), cells, 0)
    header = strip_of(header_line(geometry, ("", False), ""), cells, INK).text
    hidden = len(columns) - len(geometry.placed)
    assert header.endswith(f" ›{hidden}") if hidden else "›" not in header


def test_a_reason_is_as_wide_as_the_one_row_that_has_it() -> None:
    plain, reason = TableColumn("name", "name"), TableColumn("why", "why", longest=True, most=60)
    rows = [("x" * (40 if not n else 5), "answers nothing from outside" if n == 250 else "") for n in range(260)]
    assert sample([plain, reason], ["name", "why"], rows) == {"name": 5, "why": 28}
