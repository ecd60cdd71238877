"""The window counts calls where they began, and forgets them in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.core.window import BUCKETS, Counts, Window

NOW = 1000.0
NOTHING = Counts(calls=0, failures=0)


def test_calls_failed_ones_and_slow_ones_are_counted() -> None:
    window = Window(60.0)
    window.add(NOW, failed=True, slow=False, now=NOW)
    window.add(NOW, failed=False, slow=False, now=NOW)
    window.add(NOW, failed=False, slow=True, now=NOW)
    window.add(NOW, failed=True, slow=True, now=NOW)

    assert window.counts(NOW) == Counts(calls=4, failures=2, slow=2)


def test_a_call_is_counted_in_the_bucket_of_its_start() -> None:
    """A call that took 50 s leaves the window soon after its end."""
    window = Window(60.0)
    window.add(NOW, failed=True, slow=False, now=NOW + 50.0)

    assert window.counts(NOW + 50.0) == Counts(calls=1, failures=1)
    assert window.counts(NOW + 61.0) == NOTHING


def test_a_call_that_began_before_the_window_is_not_counted() -> None:
    window = Window(60.0)
    window.add(NOW, failed=True, slow=False, now=NOW + 61.0)

    assert window.counts(NOW + 61.0) == NOTHING


def test_buckets_leave_one_by_one() -> None:
    window = Window(10.0)
    for second in range(10):
        window.add(NOW + second, failed=False, slow=False, now=NOW + second)

    seen = [window.counts(NOW + 9 + later).calls for later in range(12)]

    assert seen == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]


def test_a_long_silence_empties_every_bucket() -> None:
    window = Window(60.0)
    for bucket in range(BUCKETS):
        began = NOW + 6.0 * bucket
        window.add(began, failed=True, slow=True, now=began)

    assert window.counts(NOW + 1e6) == NOTHING


def test_clear_forgets_every_call() -> None:
    window = Window(60.0)
    window.add(NOW, failed=True, slow=True, now=NOW)
    window.clear()

    assert window.counts(NOW) == NOTHING


@given(
    length=st.sampled_from([1.0, 7.0, 60.0]),
    calls=st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 100.0), st.booleans())),
)
def test_it_holds_the_calls_whose_start_is_young_enough(
    length: float, calls: list[tuple[float, float, bool]]
) -> None:
    """Exact by bucket: what began in one of the last ten buckets, nothing else."""
    window, now = Window(length), NOW
    begun: list[tuple[float, bool]] = []
    for pause, took, failed in calls:
        now += pause
        started = max(0.0, now - took)
        window.add(started, failed=failed, slow=not failed, now=now)
        if int(started // (length / BUCKETS)) > int(now // (length / BUCKETS)) - BUCKETS:
            begun.append((started, failed))

    newest = int(now // (length / BUCKETS))
    young = [
        failed for start, failed in begun if int(start // (length / BUCKETS)) > newest - BUCKETS
    ]
    failures = sum(young)
    slow = len(young) - failures
    assert window.counts(now) == Counts(calls=len(young), failures=failures, slow=slow)


@pytest.mark.parametrize("age", [0.0, 30.0, 53.9])
def test_a_call_younger_than_nine_tenths_of_the_window_is_always_in_it(age: float) -> None:
    window = Window(60.0)
    window.add(NOW, failed=False, slow=False, now=NOW)

    assert window.counts(NOW + age).calls == 1
