"""A target that has fallen silent is left alone once enough calls are out to settle it."""

import pytest

from failsoft_router.core.doubt import Doubt

NEEDED = 5


def doubt(*, silent: int, out: int) -> Doubt:
    made = Doubt()
    for _ in range(silent):
        made.went_on()
    for _ in range(out):
        made.call_begins()
    return made


def test_who_went_on_leaves_a_doubt_until_it_speaks() -> None:
    target = doubt(silent=1, out=0)
    meanwhile = bool(target)
    target.spoke()

    assert (bool(Doubt()), meanwhile, bool(target)) == (False, True, False)


@pytest.mark.parametrize(
    ("silent", "out", "failures", "settled"),
    [
        (5, 5, 0, True),
        (9, 7, 0, True),
        (4, 5, 0, False),
        (5, 4, 0, False),
        (5, 4, 1, True),
        (5, 0, 4, False),
        (0, 9, 9, False),
    ],
)
def test_enough_callers_have_heard_nothing_and_enough_calls_are_out(
    silent: int, out: int, failures: int, settled: bool
) -> None:
    """What the breaker has counted already need not be found out again."""
    target = doubt(silent=silent, out=out)

    assert target.is_being_settled(failures=failures, needed=NEEDED) is settled


def test_one_word_ends_it() -> None:
    target = doubt(silent=NEEDED, out=NEEDED)
    target.spoke()

    assert not target.is_being_settled(failures=0, needed=NEEDED)


def test_calls_that_are_over_settle_nothing() -> None:
    target = doubt(silent=NEEDED, out=NEEDED + 1)
    settled = []
    for _ in range(2):
        target.call_ends()
        settled.append(target.is_being_settled(failures=0, needed=NEEDED))

    assert settled == [True, False]
