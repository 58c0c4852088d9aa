"""A need is typed as words; whatever is typed is either a need or a sentence that says why not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.spot.need import CAPS, LONGEST_HOURS, WORDS, Need, NeedError, Span, parse


def test_a_need_says_what_an_instance_is_and_how_many_for_how_long() -> None:
    need = parse("vcpu>=4 memory>=16 memory<=64GiB arch=arm64 count=20 hours=48 tolerance=low region=eu-west-1")
    assert (need.vcpu, need.memory, need.gpu) == (Span(4), Span(16, 64), Span(0, 0))
    assert (need.architecture, need.count, need.hours, need.regions) == ("arm64", 20, 48, ("eu-west-1",))
    assert need.share == CAPS["low"]


def test_a_cap_of_its_own_overrules_the_tolerance() -> None:
    assert parse("cap=25% tolerance=low").share == 0.25


def test_above_and_below_leave_the_end_out() -> None:
    need = parse("vcpu>4 memory<16")
    assert not need.vcpu.holds(4) and need.vcpu.holds(5)
    assert not need.memory.holds(16) and need.memory.holds(15.9)


def test_without_a_word_of_gpus_there_are_none_and_with_one_there_may_be() -> None:
    assert not parse("").gpu.holds(1)
    assert parse("gpu>=1").gpu == Span(1)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("vcpus>=4", "did you mean vcpu?"),
        ("count>=4", "count is said with ="),
        ("count=0", "from 1 to"),
        ("count=²", "from 1 to"),
        ("hours=200", "from 1 to 168"),
        ("arch=sparc", "one of x86_64"),
        ("memory=lots", "takes a number"),
        ("memory=nan", "takes a number"),
        ("vcpu>=8 vcpu<=4", "at least 8 and at most 4"),
        ("region=moon", "names with commas"),
        ("tolerance=yolo", "low, medium, high"),
        ("risk<=0%", "above 0 %"),
        ("four cores", "says nothing of a need"),
    ],
)
def test_what_is_no_need_is_refused_in_one_sentence(typed: str, told: str) -> None:
    with pytest.raises(NeedError, match=r"\w") as error:
        parse(typed)
    assert told in str(error.value) and str(error.value).endswith((".", "?"))


spans = st.builds(
    lambda low, more: Span(low, low + more),
    st.floats(0, 1000),
    st.one_of(st.just(math.inf), st.floats(0, 1000)),
)
shares = st.none() | st.floats(0.001, 1.0).filter(lambda share: 0 < share * 100 <= 100)
needs = st.builds(
    Need,
    vcpu=spans,
    memory=spans,
    gpu=spans,
    architecture=st.sampled_from(["", "x86_64", "arm64"]),
    current=st.booleans(),
    product=st.sampled_from(["Linux/UNIX", "Windows"]),
    regions=st.lists(st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2"]), unique=True).map(tuple),
    types=st.lists(st.sampled_from(["m5.*", "c5.large", "*.xlarge"]), unique=True).map(tuple),
    count=st.integers(1, 10_000),
    hours=st.integers(1, LONGEST_HOURS),
    tolerance=st.sampled_from(sorted(CAPS)),
    cap=shares,
    risk=shares,
    account=st.sampled_from(["", "111122223333"]),
)


@given(needs)
def test_a_need_written_out_is_the_same_need_when_it_is_read(need: Need) -> None:
    again = parse(str(need))
    for name in Need.__dataclass_fields__:
        mine, read = getattr(need, name), getattr(again, name)
        assert read == pytest.approx(mine) if name in ("cap", "risk") and mine is not None else read == mine, name
    assert str(again).split()[:3] == str(need).split()[:3]


nearly = st.lists(st.sampled_from([*WORDS, "=", ">=", "<", "5", "%", ","]), max_size=8).map("".join)


@given(st.text(max_size=60) | nearly)
def test_any_text_is_a_need_or_a_sentence(typed: str) -> None:
    try:
        need = parse(typed)
    except NeedError as error:
        assert len(str(error)) < 400 and "\n" not in str(error)
    else:
        assert need.count >= 1 and 1 <= need.hours <= LONGEST_HOURS and 0 < need.share <= 1
