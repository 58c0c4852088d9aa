"""Whatever is done to the audit table afterwards is found, by record number; a crash is not mistaken for it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from actions_world import Clock, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.actions.anchor import Anchor, Anchored
from backends.actions.audit import FIELDS, FIRST, AuditTrail, canonical, seal, verify

Json = dict[str, Any]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
entries = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["intent", "outcome"]),
        "actor": values,
        "plan": values,
        "outcome": values,
        "calls": values,
    }
)


def chain(written: list[Json]) -> tuple[list[Json], Anchored]:
    records: list[Json] = []
    for number, entry in enumerate(written, 1):
        records.append(
            seal({"at": "2026-11-23T14:02:00.000Z", **entry}, number, records[-1]["hash"] if records else FIRST)
        )
    return records, Anchored({record["sequence"]: record["hash"] for record in records})


@given(st.lists(entries, max_size=5))
def test_what_was_written_verifies(written: list[Json]) -> None:
    records, anchored = chain(written)
    assert verify(records, anchored) == []
    assert all(set(record) == FIELDS for record in records)


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_any_edit_of_any_field_of_any_record_is_found_at_its_number(written: list[Json], data: st.DataObject) -> None:
    records, anchored = chain(written)
    index = data.draw(st.integers(0, len(records) - 1))
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    value = data.draw(values.filter(lambda value: canonical(value) != canonical(records[index][name])))
    edited = copy.deepcopy(records)
    edited[index][name] = value
    problems = verify(edited, anchored)
    assert problems
    assert index + 1 in {problem.record for problem in problems}
    resealed = copy.deepcopy(edited)
    if name not in ("hash", "sequence", "previous"):
        # Even with the hash made to fit, and without the later records' help, the anchor knows better.
        resealed[index] = seal(resealed[index], index + 1, resealed[index]["previous"])
        assert index + 1 in {problem.record for problem in verify(resealed, anchored)}


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_a_field_taken_away_or_added_is_found(written: list[Json], data: st.DataObject) -> None:
    records, anchored = chain(written)
    index = data.draw(st.integers(0, len(records) - 1))
    edited = copy.deepcopy(records)
    if data.draw(st.booleans()):
        del edited[index][data.draw(st.sampled_from(sorted(FIELDS)))]
    else:
        edited[index]["approved"] = True
    assert verify(edited, anchored)


@given(st.lists(entries, min_size=2, max_size=6), st.data())
def test_any_missing_moved_or_doubled_record_is_found(written: list[Json], data: st.DataObject) -> None:
    records, anchored = chain(written)
    chosen = data.draw(st.lists(st.sampled_from(records), max_size=len(records) + 1))
    numbers = [record["sequence"] for record in chosen]
    problems = verify(chosen, anchored)
    assert (problems == []) == (numbers == list(range(1, len(records) + 1)))


@given(st.lists(entries, min_size=1, max_size=4), st.integers(0, 3))
def test_a_truncated_table_is_found_at_the_first_record_that_is_gone(written: list[Json], keep: int) -> None:
    records, anchored = chain(written)
    if keep < len(records):
        assert [problem.record for problem in verify(records[:keep], anchored)] == [keep + 1]


@given(st.lists(entries, min_size=1, max_size=4), st.lists(entries, min_size=1, max_size=5))
def test_a_table_rewritten_from_the_start_with_a_sound_chain_is_found(old: list[Json], new: list[Json]) -> None:
    _, anchored = chain(old)
    records, _ = chain(new)
    same = [record["hash"] for record in records[: len(old)]] == list(anchored.hashes.values())
    if not same or len(records) > len(old) + 1:
        assert verify(records, anchored)


@pytest.mark.parametrize(
    "rubbish", [None, 7, "record", [], {}, {"sequence": "1"}, {"sequence": True}, {"sequence": -1}]
)
def test_what_is_not_a_record_is_a_problem_and_not_a_crash(rubbish: Any) -> None:
    records, anchored = chain([{"event": "intent"}, {"event": "outcome"}])
    assert any(problem.record == 2 for problem in verify([records[0], rubbish], anchored))


def trail(folder: Path, table: Table) -> AuditTrail:
    return AuditTrail(table, Anchor(folder / "audit.anchor"), Clock())


async def three(folder: Path) -> Table:
    table = Table()
    journal = trail(folder, table)
    for name in ("one", "two", "three"):
        await journal.append({"event": name})
    return table


async def problems(folder: Path, table: Table) -> list[str]:
    return [str(problem) for problem in (await trail(folder, table).verify())[1]]


async def test_the_anchor_is_readable_by_its_owner_only_and_grows_by_a_line_a_record(tmp_path: Path) -> None:
    table = await three(tmp_path)
    anchor = tmp_path / "audit.anchor"
    assert anchor.stat().st_mode & 0o777 == 0o600
    assert [line.split()[-1] for line in anchor.read_text().splitlines()[1:]] == [row["hash"] for row in table.rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.anchor"]
    assert await problems(tmp_path, table) == []


async def test_a_restarted_daemon_goes_on_with_the_same_chain(tmp_path: Path) -> None:
    table = await three(tmp_path)
    await trail(tmp_path, table).append({"event": "four"})
    assert [row["sequence"] for row in table.rows] == [1, 2, 3, 4]
    assert await problems(tmp_path, table) == []


@pytest.mark.parametrize("torn", ["", "4", "4 0a", "4 " + "a" * 63])
async def test_a_crash_between_the_record_and_its_anchor_line_verifies_as_whole_and_heals(
    tmp_path: Path, torn: str
) -> None:
    table = await three(tmp_path)
    last = seal({"at": "2026-11-23T14:03:00.000Z", "event": "four"}, 4, table.rows[-1]["hash"])
    table.rows.append(last)
    with (tmp_path / "audit.anchor").open("a") as file:
        file.write(f"4 {last['hash']}"[: len(torn)])
    assert await problems(tmp_path, table) == []
    await trail(tmp_path, table).append({"event": "five"})
    assert await problems(tmp_path, table) == []
    assert (tmp_path / "audit.anchor").read_text().splitlines()[-1].startswith("5 ")


async def test_a_crash_before_the_very_first_anchor_line_heals_as_well(tmp_path: Path) -> None:
    table = Table()
    Anchor(tmp_path / "audit.anchor").begin()
    table.rows.append(seal({"at": "x", "event": "one"}, 1, FIRST))
    await trail(tmp_path, table).append({"event": "two"})
    assert await problems(tmp_path, table) == []


async def test_a_failed_write_leaves_the_chain_whole(tmp_path: Path) -> None:
    table = await three(tmp_path)
    journal = trail(tmp_path, table)
    table.broken = True
    with pytest.raises(OSError, match="disk full"):
        await journal.append({"event": "lost"})
    table.broken = False
    await journal.append({"event": "four"})
    assert [row["event"] for row in table.rows] == ["one", "two", "three", "four"]
    assert await problems(tmp_path, table) == []


async def test_a_record_whose_anchor_line_could_not_be_written_is_kept_and_anchored_by_the_next(tmp_path: Path) -> None:
    table = await three(tmp_path)
    anchor = tmp_path / "audit.anchor"
    journal = trail(tmp_path, table)
    await journal.append({"event": "four"})
    aside = anchor.rename(tmp_path / "aside")
    anchor.mkdir()
    with pytest.raises(IsADirectoryError):
        await journal.append({"event": "five"})
    anchor.rmdir()
    aside.rename(anchor)
    await journal.append({"event": "six"})
    assert [(row["sequence"], row["event"]) for row in table.rows[3:]] == [(4, "four"), (5, "five"), (6, "six")]
    assert await problems(tmp_path, table) == []


async def test_a_last_record_that_does_not_verify_is_never_anchored_as_if_a_crash_had_left_it(tmp_path: Path) -> None:
    table = await three(tmp_path)
    table.rows.append(seal({"at": "x", "event": "four"}, 4, table.rows[-1]["hash"]) | {"event": "forged"})
    await trail(tmp_path, table).append({"event": "five"})
    assert f"4 {table.rows[3]['hash']}" not in (tmp_path / "audit.anchor").read_text()
    assert "record 4: was edited: its content does not match its hash" in await problems(tmp_path, table)


async def test_a_moved_record_is_named_with_the_one_it_was_moved_behind(tmp_path: Path) -> None:
    table = await three(tmp_path)
    table.rows.append(table.rows.pop(0))
    assert "record 1: stands after record 3: it was moved, doubled or renumbered" in await problems(tmp_path, table)


async def test_a_hole_cut_before_a_restart_stays_visible_however_much_is_written_after_it(tmp_path: Path) -> None:
    table = await three(tmp_path)
    del table.rows[1:]
    journal = trail(tmp_path, table)
    await journal.append({"event": "four"})
    await journal.append({"event": "five"})
    assert await problems(tmp_path, table) == ["record 2: is missing, and so are all up to 3: the next one is 4"]
    table.rows.clear()
    await trail(tmp_path, table).append({"event": "six"})
    assert await problems(tmp_path, table) == ["record 1: is missing, and so are all up to 5: the next one is 6"]


async def test_a_forged_record_at_the_end_beyond_the_one_that_a_crash_may_leave_is_found(tmp_path: Path) -> None:
    table = await three(tmp_path)
    for number in (4, 5):
        table.rows.append(seal({"at": "x", "event": "forged"}, number, table.rows[-1]["hash"]))
    assert any(problem.startswith("record 4: is not anchored") for problem in await problems(tmp_path, table))
    await trail(tmp_path, table).append({"event": "six"})
    assert any(problem.startswith("record 4: is not anchored") for problem in await problems(tmp_path, table))


async def test_before_the_first_record_nothing_is_missing(tmp_path: Path) -> None:
    trail = AuditTrail(Table(), Anchor(tmp_path / "audit.anchor"), Clock())
    assert await trail.verify() == (0, [])
    assert list(tmp_path.iterdir()) == []


async def test_a_missing_or_edited_anchor_is_found_and_stays_found(tmp_path: Path) -> None:
    table = await three(tmp_path)
    anchor = tmp_path / "audit.anchor"
    text = anchor.read_text()
    anchor.write_text(text.replace(table.rows[1]["hash"], "0" * 64))
    assert await problems(tmp_path, table) == ["record 2: differs from the anchor: it was rewritten"]
    lines = text.splitlines(keepends=True)
    for broken in (
        "",
        "".join(lines[1:]),
        lines[0] + lines[1] + lines[3],
        lines[0] + "nonsense\n" + "".join(lines[2:]),
    ):
        anchor.write_text(broken)
        assert await problems(tmp_path, table) != []
    anchor.unlink()
    assert "record 1: its anchor file audit.anchor is missing" in await problems(tmp_path, table)
    await trail(tmp_path, table).append({"event": "four"})
    assert any("does not begin as one" in problem for problem in await problems(tmp_path, table))


async def test_an_anchor_that_is_a_link_to_another_file_is_not_written_through(tmp_path: Path) -> None:
    table = await three(tmp_path)
    anchor, victim = tmp_path / "audit.anchor", tmp_path / "victim"
    victim.write_text("mine")
    anchor.unlink()
    anchor.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        await trail(tmp_path, table).append({"event": "four"})
    assert victim.read_text() == "mine"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_no_content_of_the_anchor_file_makes_reading_it_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.anchor").write_text(text, "utf-8", "surrogatepass")
    assert isinstance(Anchor(tmp_path / "audit.anchor").read(), Anchored)


def test_a_number_that_json_cannot_say_is_refused_rather_than_hashed_ambiguously() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"cost": float("nan")})
