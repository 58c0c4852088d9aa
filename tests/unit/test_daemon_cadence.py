"""When something is polled again follows from how it went and who looks."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from backends.daemon.cadence import PAID_SECONDS, delay, pace, rank, streak, temper
from backends.daemon.triples import Triple, keys_of, progress, totals
from backends.model import Call, Column, CoverageState, Kind, Scope, Series

KIND = Kind("a.b", "B", "a", (Call("ListB", "Bs"),), ("id",), (Column("id", "Id"),), cadence=300)
PAID = Kind("c.d", "D", "c", (Call("GetD", "Ds"),), ("id",), (Column("id", "Id"),), paid=0.01, regional=False)
states = st.sampled_from(list(CoverageState))


@given(state=states, failures=st.integers(0, 50), focused=st.booleans(), seed=st.integers())
def test_what_costs_money_is_never_polled_more_than_four_times_a_day(
    state: CoverageState, failures: int, focused: bool, seed: int
) -> None:
    assert delay(PAID, state, failures, focused, Random(seed)) >= PAID_SECONDS


def test_a_kind_whose_calls_are_cheap_may_cost_no_more_a_day_than_a_dear_one() -> None:
    cheap = replace(PAID, paid=0.001, cadence=900)
    assert pace(cheap) == PAID_SECONDS / 10
    assert pace(replace(cheap, paid=0.0001)) == 900, "and no kind is polled more often than it changes"
    assert delay(cheap, CoverageState.OK, 0, True, Random(1)) >= pace(cheap)


@given(state=states, failures=st.integers(0, 50), focused=st.booleans(), seed=st.integers())
def test_every_pause_is_positive_and_bounded(state: CoverageState, failures: int, focused: bool, seed: int) -> None:
    assert 10 < delay(KIND, state, failures, focused, Random(seed)) <= 6 * 3600 * 1.1


@given(state=states, seed=st.integers())
def test_a_daemon_that_is_told_so_polls_what_costs_money_more_often(state: CoverageState, seed: int) -> None:
    assert 60 <= delay(PAID, state, 0, False, Random(seed), 60.0) < 12 * 60 * 1.2


def test_what_is_on_screen_is_at_most_about_a_minute_old() -> None:
    slow = replace(KIND, cadence=900)
    assert delay(slow, CoverageState.OK, 0, True, Random(1)) < 70


def test_errors_are_those_that_stand_now() -> None:
    triples = [Triple("1", "r1", KIND), Triple("1", "r2", KIND), Triple("1", "r3", KIND)]
    for triple, state in zip(
        triples, (CoverageState.ERROR, CoverageState.THROTTLED, CoverageState.DENIED), strict=True
    ):
        triple.state = state
    assert progress(triples)["errors"] == 2
    triples[0].state = CoverageState.OK
    assert progress(triples)["errors"] == 1


def test_what_is_on_screen_is_polled_more_often_and_what_was_denied_seldom() -> None:
    def pause(state: CoverageState, failures: int = 0, focused: bool = False) -> float:
        return delay(KIND, state, failures, focused, Random(1))

    assert pause(CoverageState.OK, focused=True) < pause(CoverageState.OK) < pause(CoverageState.DENIED)
    assert pause(CoverageState.DENIED) < pause(CoverageState.UNSUPPORTED)
    assert pause(CoverageState.OK) < pause(CoverageState.THROTTLED, 1) < pause(CoverageState.THROTTLED, 2)
    assert pause(CoverageState.ERROR, 1) < pause(CoverageState.ERROR, 3) <= pause(CoverageState.OK) * 1.3


def test_a_first_poll_begins_with_what_screens_show_first() -> None:
    order = sorted(["spot.price", "vpc.vpc", "ec2.instance", "cloudwatch.instance_cpu", "cost.daily"], key=rank)
    assert order == ["ec2.instance", "cost.daily", "vpc.vpc", "spot.price", "cloudwatch.instance_cpu"]


def test_regional_kinds_are_polled_in_each_region_and_global_ones_once_an_account() -> None:
    scope = Scope.of([("1", "r1"), ("1", "r2"), ("1", "global")])
    assert {(account, region, kind.name) for account, region, kind in keys_of(scope, [KIND, PAID])} == {
        ("1", "r1", "a.b"),
        ("1", "r2", "a.b"),
        ("1", "global", "c.d"),
    }


def test_a_first_poll_is_complete_once_everything_has_been_tried_well_or_not() -> None:
    triples = [Triple("1", "r1", KIND), Triple("1", "r2", KIND)]
    assert not progress([])["first_poll_complete"]
    triples[0].tried, triples[0].state = True, CoverageState.DENIED
    counts = {"in_flight": 0, "done": 1, "total": 2, "errors": 0}
    assert progress(triples) == counts | {"first_poll_complete": False, "first_poll_ever": True}
    triples[1].tried, triples[1].running = True, True
    assert progress(triples)["first_poll_complete"] and not progress(triples)["first_poll_ever"]
    assert totals(triples) == {"denied": 1, "pending": 1}


def test_after_a_restart_what_was_polled_before_does_not_wait_for_its_first_poll() -> None:
    triples = [Triple("1", "r1", KIND, before=True), Triple("1", "r2", KIND, due=float("inf"))]
    assert not progress(triples)["first_poll_complete"] and not progress(triples)["first_poll_ever"]
    triples[1].due = 0.0
    assert progress(triples)["first_poll_ever"]


def after(*news: bool, kind: Kind = KIND) -> int:
    found = 0
    for one in news:
        found = streak(kind, found, one)
    return found


def test_what_has_long_been_calm_is_asked_less_often_and_what_changes_at_every_look_sooner() -> None:
    def pause(*news: bool, focused: bool = False) -> float:
        return delay(KIND, CoverageState.OK, 0, focused, Random(1), streak=after(*news))

    usual = pause(True)
    assert pause(True, True) < usual == pause(False, False, False) < pause(*[False] * 5) < pause(*[False] * 9)
    assert pause(*[False] * 99) < 2 * KIND.cadence, "within two cadences the store vouches for what it saw"
    assert pause(*[False] * 99, True) == usual, "one change and it is awake again"
    assert pause(*[False] * 99, focused=True) == pause(True, focused=True), "what is on screen is not put off"


def test_calm_neither_hurries_what_is_paid_for_nor_puts_off_what_fails() -> None:
    for calm in (5, -99):
        assert delay(PAID, CoverageState.OK, 0, False, Random(1), streak=calm) >= PAID_SECONDS
        failing = [delay(KIND, CoverageState.ERROR, 1, False, Random(1), streak=one) for one in (0, calm)]
        assert failing[0] == failing[1]


def test_series_bring_something_every_time_and_say_nothing_by_it() -> None:
    prices = replace(KIND, series=Series("p", "id", "id", 30))
    assert after(True, True, True, kind=prices) == 0


@given(st.integers(-1000, 1000))
def test_the_factor_is_bounded(streak: int) -> None:
    assert 0.5 < temper(streak) <= 1.75
