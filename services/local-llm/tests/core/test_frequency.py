"""How many a second, lately."""

import pytest

from failsoft_local_llm.core.frequency import Frequency


def test_what_comes_evenly_is_told_as_it_comes() -> None:
    frequency = Frequency()
    for step in range(1000):
        frequency.add(4, now=1000.0 + step / 10)

    assert frequency.rate(now=1099.9) == pytest.approx(40.0, rel=0.02)


def test_what_has_ended_fades_and_what_never_was_is_nothing() -> None:
    frequency = Frequency()
    assert frequency.rate(now=1000.0) == 0.0
    frequency.add(100, now=1000.0)

    assert frequency.rate(now=1000.0) == pytest.approx(10.0)
    assert frequency.rate(now=1100.0) < 0.01
