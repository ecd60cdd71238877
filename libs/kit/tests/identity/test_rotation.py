"""Whatever the order in which two sides learn of a new secret, neither is refused."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from failsoft_kit.identity.rotation import (
    HOLD_BACK_SECONDS,
    LAG_SECONDS,
    OVERLAP_SECONDS,
    Rotation,
)

BEGAN = 1000.0
END = 4 * OVERLAP_SECONDS

pauses = st.lists(st.floats(1.0, OVERLAP_SECONDS), max_size=5)
"""Between the changes of the Secret, the first of which is at BEGAN."""
looks = st.lists(st.floats(1.0, LAG_SECONDS), min_size=1, max_size=20)
"""Between the times at which a file becomes what the Secret is; again and again."""


@given(pauses=pauses, shower=looks, judge=looks)
@example(pauses=[30.0], shower=[5.0, 60.0], judge=[60.0])
@example(pauses=[86.0], shower=[90.0, 85.0, 85.0], judge=[89.0, 90.0])
@example(pauses=[268.0], shower=[89.5, 90.0, 89.5, 89.0], judge=[90.0, *3 * [89.25]])
def test_who_shows_a_secret_is_believed_whoever_misses_which_of_its_values(
    pauses: list[float], shower: list[float], judge: list[float]
) -> None:
    """An operator who mistyped the first one, say, and mends it after half a minute.

    In the second example the judge misses what the other one has for almost twice the lag; in the
    third one the judge has it for almost four times the lag, and the other one for less than two.
    """
    changes = list(accumulate(pauses, initial=BEGAN))
    shows, judges = read(changes, shower), read(changes, judge)
    for now in moments(*shows, *judges):
        shown = side(shows, now).shown(now)
        assert shown in side(judges, now).believed(now), now


def test_a_value_that_was_replaced_before_it_was_due_is_never_shown() -> None:
    """Nobody else may ever have had it."""
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["c"], at=BEGAN + HOLD_BACK_SECONDS - 1.0)

    assert rotation.shown(BEGAN + 2 * HOLD_BACK_SECONDS - 2.0) == "a"
    assert rotation.shown(BEGAN + 2 * HOLD_BACK_SECONDS - 1.0) == "c"


def test_a_value_that_was_due_is_shown_until_the_next_one_is() -> None:
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["c"], at=BEGAN + HOLD_BACK_SECONDS)

    assert rotation.shown(BEGAN + 2 * HOLD_BACK_SECONDS - 1.0) == "b"


def test_a_value_never_counts_as_older_than_the_one_that_it_replaced() -> None:
    """The dates of files may be wrong: it would be shown before anybody else has it."""
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["c"], at=BEGAN - HOLD_BACK_SECONDS)

    assert rotation.shown(BEGAN) == "a"
    assert rotation.shown(BEGAN + HOLD_BACK_SECONDS) == "c"


def test_nothing_is_believed_for_longer_than_the_overlap() -> None:
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)

    assert set(rotation.believed(BEGAN + OVERLAP_SECONDS - 1.0)) == {"a", "b"}
    assert set(rotation.believed(BEGAN + OVERLAP_SECONDS)) == {"b"}


def test_a_value_that_comes_back_is_not_forgotten() -> None:
    """Helm's rollback puts the old one back."""
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["a"], at=BEGAN + 1.0)

    assert set(rotation.believed(BEGAN + 10_000.0)) == {"a"}
    assert rotation.shown(BEGAN + 10_000.0) == "a"


def test_the_same_content_again_is_no_rotation() -> None:
    rotation = Rotation(["a"])
    rotation.replace(["b"], at=BEGAN)
    rotation.replace(["b"], at=BEGAN + HOLD_BACK_SECONDS - 1.0)

    assert rotation.shown(BEGAN + HOLD_BACK_SECONDS) == "b"


@pytest.mark.parametrize("changes", [20, 200])
def test_a_file_that_changes_all_the_time_is_not_remembered_for_ever(changes: int) -> None:
    rotation = Rotation(["first"])
    for number in range(changes):
        rotation.replace([f"{number}"], at=BEGAN + number / changes)

    assert len(list(rotation.believed(BEGAN + 1.0))) == 8
    assert rotation.shown(BEGAN + 1.0) == "first"
    assert "first" in rotation.believed(BEGAN + 1.0)

    later = BEGAN + HOLD_BACK_SECONDS + 20.0
    for number in range(changes):
        rotation.replace([f"later {number}"], at=later + number / changes)

    assert rotation.shown(later + 1.0) == f"{changes - 1}"
    believed = list(rotation.believed(later + 1.0))
    assert len(believed) == 8
    assert {"first", f"{changes - 1}"} < set(believed)


def read(changes: Sequence[float], looks: Sequence[float]) -> list[tuple[float, str]]:
    """What a side reads, and when: the number of the change that was the last one then."""
    found: list[tuple[float, str]] = []
    at, number = BEGAN - LAG_SECONDS, 0
    while at < BEGAN + END:
        at, number = at + looks[number % len(looks)], number + 1
        found.append((at, str(bisect_right(changes, at))))
    return found


def side(found: Sequence[tuple[float, str]], now: float) -> Rotation:
    """A side that has read all that until now."""
    rotation = Rotation(["0"])
    for at, value in found:
        if at <= now:
            rotation.replace([value], at=at)
    return rotation


def moments(*found: tuple[float, str]) -> Iterator[float]:
    """When something changes for a side that reads that: each time, and just before it."""
    for (_, before), (at, value) in pairwise(found):
        if value != before:
            for after in (0.0, HOLD_BACK_SECONDS, OVERLAP_SECONDS):
                yield from (at + after, at + after - 0.5)
