"""When a daemon that nobody needs leaves."""

from __future__ import annotations

from backends.daemon.vigil import Vigil


def test_its_first_client_is_waited_for_a_minute_and_the_next_one_for_the_linger() -> None:
    vigil = Vigil(5.0, 100.0)
    assert not vigil.over(159.0, busy=False)
    assert not vigil.over(159.5, busy=True)
    assert not vigil.over(164.0, busy=False) and vigil.over(164.5, busy=False)


def test_a_minute_is_enough_if_nobody_comes_and_a_longer_linger_holds_from_the_beginning() -> None:
    assert Vigil(5.0, 0.0).over(60.0, busy=False)
    patient = Vigil(600.0, 0.0)
    assert not patient.over(599.0, busy=False) and patient.over(600.0, busy=False)


def test_a_negative_linger_is_for_ever() -> None:
    assert not Vigil(-1.0, 0.0).over(1e9, busy=False)
