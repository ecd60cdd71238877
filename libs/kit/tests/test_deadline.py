"""A deadline is a moment: what is left of it depends on when one asks."""

import math

from failsoft_kit.deadline import Deadline


def test_what_is_left_shrinks_as_time_goes_by() -> None:
    deadline = Deadline.after(30.0, now=1000.0)

    assert deadline.left(1000.0) == 30.0
    assert deadline.left(1010.0) == 20.0
    assert deadline.left(1031.0) == -1.0


def test_it_expires_at_its_very_moment() -> None:
    """Nothing is started that would have no time at all."""
    deadline = Deadline(at=1030.0)

    assert not deadline.expired(math.nextafter(1030.0, 0.0))
    assert deadline.expired(1030.0)


def test_no_deadline_never_expires() -> None:
    deadline = Deadline.after(None, now=1000.0)

    assert deadline.left(1e12) == math.inf
    assert not deadline.expired(1e12)


def test_zero_seconds_are_a_deadline_and_not_its_absence() -> None:
    assert Deadline.after(0.0, now=1000.0).expired(1000.0)


def test_a_limit_below_can_only_shorten_it() -> None:
    deadline = Deadline(at=1030.0)

    assert deadline.sooner(1010.0) == Deadline(at=1010.0)
    assert deadline.sooner(1050.0) == deadline
    assert Deadline(at=math.inf).sooner(1010.0) == Deadline(at=1010.0)
