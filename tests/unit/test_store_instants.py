"""Times are read as operators type them, always UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.store.instants import iso, parse_instant, stored

NOW = datetime(2026, 11, 23, 14, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        (" NOW ", NOW),
        ("-30m", NOW - timedelta(minutes=30)),
        ("-2d", NOW - timedelta(days=2)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        ("-1w", NOW - timedelta(days=7)),
        ("+1h", NOW + timedelta(hours=1)),
        ("14:02", datetime(2026, 11, 23, 14, 2, tzinfo=UTC)),
        ("23:59", datetime(2026, 11, 22, 23, 59, tzinfo=UTC)),
        ("14:02:03Z", datetime(2026, 11, 23, 14, 2, 3, tzinfo=UTC)),
        ("today", datetime(2026, 11, 23, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T14:02Z", datetime(2026, 11, 20, 14, 2, tzinfo=UTC)),
        ("2026-11-20 14:02", datetime(2026, 11, 20, 14, 2, tzinfo=UTC)),
        ("2026-11-20T14:02:11.250Z", datetime(2026, 11, 20, 14, 2, 11, 250000, tzinfo=UTC)),
        ("2026-11-20T14:02+02:00", datetime(2026, 11, 20, 12, 2, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_it_is_meant(text: str, expected: datetime) -> None:
    assert parse_instant(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "-", "-3x", "2026-13-01", "-999999999w", "2026-11-20T"])
def test_what_is_no_time_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="use now, -30m"):
        parse_instant(text, NOW)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        assert parse_instant(text, NOW).tzinfo is UTC
    except ValueError as error:
        assert "use now" in str(error)


def test_instants_are_kept_and_written_in_utc() -> None:
    there = datetime(2026, 11, 20, 14, 2, 11, 250000, tzinfo=timezone(timedelta(hours=2)))
    assert stored(there) == datetime(2026, 11, 20, 12, 2, 11, 250000)
    assert iso(there) == "2026-11-20T12:02:11.250Z"
    assert iso(datetime(2026, 11, 20, 12)) == "2026-11-20T12:00:00Z"
