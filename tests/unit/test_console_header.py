"""The two lines at the top: what goes first where there is little room, and what is true without a daemon."""

from __future__ import annotations

from typing import Any

import pytest

from console.freshness import as_heard, oldest_heard
from console.screens.chrome import header
from console.session import Session

REGIONS = ("ap-southeast-2", "eu-west-1", "us-east-1")


def session(**changes: Any) -> Session:
    async def nobody(_: object) -> Any:
        raise AssertionError("nothing connects here")

    accounts = [
        {"account": "111122223333", "alias": "example-production", "state": "ok", "expires": "2099-01-01T00:00:00Z"}
    ]
    made = Session(nobody, accounts=accounts, state="live")
    made.scope = [(account, region) for account in ("111122223333", "444455556666") for region in REGIONS]
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def lines(made: Session, cells: int) -> list[str]:
    return [
        "".join(text for text, _ in line)
        for line in header(made, "fleets › instances", cells, as_of="2026-11-23T14:02:11Z")
    ]


@pytest.mark.parametrize("cells", [80, 100, 104, 120, 160])
def test_regions_become_a_number_before_the_credentials_go(cells: int) -> None:
    second = lines(session(), cells)[1]
    assert "01-01" in second and "as of 14:02:11Z" in second
    assert (all(region in second for region in REGIONS)) == (cells >= 120)
    assert cells >= 120 or "3 regions" in second


@pytest.mark.parametrize("cells", [80, 160])
def test_an_instant_of_another_year_is_replayed_with_its_year(cells: int) -> None:
    assert " REPLAY 2020-01-02 03:04Z " in lines(session(at="2020-01-02T03:04:05Z"), cells)[0]


def test_an_account_that_has_never_let_us_in_does_not_hide_how_the_others_are() -> None:
    shut = {"account": "", "role": "arn:aws:iam::1:role/R", "state": "denied"}
    made = session()
    made.accounts = [shut, *made.accounts]
    assert "01-01" in lines(made, 120)[1]
    made.accounts = [shut | {"account": "1"}, *made.accounts[1:]]
    assert "credentials denied" in lines(made, 120)[1]
    made.accounts = [shut]
    assert "credentials denied" in lines(made, 120)[1]


def test_an_account_that_could_not_be_asked_says_why_and_blames_no_credentials() -> None:
    gone = {
        "account": "1",
        "state": "error",
        "problem": "AWS does not answer at http://127.0.0.1:4566; check the network.",
    }
    made = session()
    made.accounts = [gone, *made.accounts]
    assert "AWS does not answer at http://127.0.0.1:4566" in lines(made, 160)[1]
    assert "credentials" not in lines(made, 160)[1]
    made.accounts = [gone | {"state": "expired"}]
    assert "credentials expired" in lines(made, 160)[1]


def test_what_no_poll_reaches_says_what_was_heard_last_and_does_not_pass_for_fresh() -> None:
    dead = {"states": {"error": 3, "denied": 1}, "newest_good": "2026-11-23T13:41:05Z"}

    def second(coverage: dict[str, Any], cells: int = 120, **changes: Any) -> str:
        said = header(session(**changes), "x", cells, as_of="2026-11-23T14:02:11Z", coverage=coverage)
        return "".join(text for text, _ in said[1])

    for cells in (80, 120):
        assert "last heard 13:41:05Z, polls fail (!)" in second(dead, cells)
        assert "as of" not in second(dead, cells)
    assert "never heard" in second(dead | {"newest_good": None})
    full = second(dead, status={"store_problem": "the store's disk is full"})
    assert "last heard 13:41:05Z, store full (!)" in full, "polls fail for that"
    for others in ({"error": 3, "ok": 1}, {"denied": 4}, {"error": 3, "pending": 1}, {}):
        assert "as of 14:02:11Z" in second({"states": others})
    assert "as of 14:02:11Z" in second(dead, at="2026-11-23T14:02:11Z"), "the past is not reached for"


def test_rows_of_the_present_are_as_of_the_last_poll_that_succeeded() -> None:
    answer = {"as_of": "2026-11-23T14:02:11Z", "coverage": {"newest_good": "2026-11-23T14:01:40Z"}}
    assert as_heard(answer) == "2026-11-23T14:01:40Z"
    assert as_heard(answer | {"coverage": {}}) == "2026-11-23T14:02:11Z"
    assert as_heard(answer | {"at": "2026-11-20T00:00:00Z", "as_of": "2026-11-20T00:00:00Z"}) == "2026-11-20T00:00:00Z"


def test_a_table_whose_places_were_not_heard_of_together_says_from_when_to_when() -> None:
    coverage = {"newest_good": "2026-11-23T14:01:40Z", "oldest_good": "2026-11-23T14:01:02Z"}
    assert oldest_heard({"coverage": coverage}) == "", "one after the other is together"
    coverage |= {"oldest_good": "2026-11-22T09:30:00Z"}
    assert oldest_heard({"coverage": coverage, "at": "2026-11-23T14:00:00Z"}) == "", "of an instant there is one"
    old = oldest_heard({"coverage": coverage})
    said = header(session(), "x", 80, as_of=coverage["newest_good"], oldest=old)[1]
    assert "as of 11-22 09:30–11-23 14:01Z" in "".join(text for text, _ in said)


def test_nobody_is_told_that_they_may_write_while_there_is_no_daemon() -> None:
    first = lines(session(write=True, token="t", token_expires="2099-01-01T00:00:00Z"), 100)[0]
    assert " WRITE " in first and "until" in first
    first = lines(session(write=True), 100)[0]
    assert " WRITE " in first and "no window open" in first
    first = lines(session(write=True, state="reconnecting"), 100)[0]
    assert " WRITE " not in first and "write: no daemon" in first


@pytest.mark.parametrize(("ever", "told"), [(True, "first poll 63/472"), (False, "polling 63/472")])
def test_only_a_store_without_its_first_poll_is_said_to_be_at_it(ever: bool, told: str) -> None:
    polling = {"done": 63, "total": 472, "first_poll_complete": False, "first_poll_ever": ever}
    second = lines(session(status={"polling": polling}), 120)[1]
    assert told in second and ("first" in second) == ever
