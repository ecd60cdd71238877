"""How long a walk waits for a first content, and what becomes of the call then."""

import math

import pytest

from failsoft_router.core.patience import LONGEST, SHORTEST, UNKNOWN, Behind, Manner, twice, wait

LIMIT = 10.0
LATE = 3.0
USUAL = 0.2
NOBODY, SOMEBODY, ON_TRIAL, WELL = Behind
DIRECT, BESIDE, HIDDEN = Manner


def decide(
    behind: Behind,
    *,
    slice_: float = 100.0,
    late: float = LATE,
    usual: float | None = USUAL,
    in_doubt: bool = False,
    probe: bool = False,
    beside: bool = False,
) -> tuple[Manner, float]:
    return wait(
        limit=LIMIT,
        slice_=slice_,
        late=late,
        usual=usual,
        in_doubt=in_doubt,
        probe=probe,
        behind=behind,
        beside=beside,
    )


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (NOBODY, (DIRECT, LIMIT)),
        (SOMEBODY, (DIRECT, LIMIT)),
        (ON_TRIAL, (BESIDE, LATE)),
        (WELL, (DIRECT, LATE)),
    ],
)
def test_who_is_late_is_left_only_where_somebody_else_may_answer(
    behind: Behind, expected: tuple[Manner, float]
) -> None:
    """And is given up only where that one is well."""
    assert decide(behind) == expected


@pytest.mark.parametrize("behind", Behind)
def test_a_target_that_is_always_slow_has_its_limit(behind: Behind) -> None:
    assert decide(behind, late=LIMIT) == (DIRECT, LIMIT)


@pytest.mark.parametrize("behind", Behind)
def test_a_call_outlasts_a_walk_that_has_too_little_time(behind: Behind) -> None:
    assert decide(behind, slice_=1.0) == (BESIDE, 1.0)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (NOBODY, (DIRECT, LIMIT)),
        (SOMEBODY, (DIRECT, LIMIT)),
        (ON_TRIAL, (BESIDE, LATE)),
        (WELL, (BESIDE, 2 * USUAL)),
    ],
)
def test_a_target_in_doubt_is_asked_on_beside_the_walk(
    behind: Behind, expected: tuple[Manner, float]
) -> None:
    assert decide(behind, in_doubt=True) == expected


def test_a_doubt_makes_nobody_wait_longer() -> None:
    assert decide(WELL, in_doubt=True, usual=1.0, late=1.5) == (BESIDE, 1.5)


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (NOBODY, (DIRECT, LIMIT)),
        (SOMEBODY, (HIDDEN, 2 * USUAL)),
        (ON_TRIAL, (HIDDEN, 2 * USUAL)),
        (WELL, (HIDDEN, 2 * USUAL)),
    ],
)
def test_a_probe_is_hidden_where_somebody_else_may_answer(
    behind: Behind, expected: tuple[Manner, float]
) -> None:
    assert decide(behind, probe=True) == expected


def test_a_probe_has_no_more_time_than_its_walk() -> None:
    assert decide(WELL, probe=True, slice_=0.3) == (HIDDEN, 0.3)


@pytest.mark.parametrize(
    ("behind", "slice_", "expected"),
    [(NOBODY, 100.0, math.inf), (WELL, 100.0, LATE), (NOBODY, 1.0, 1.0)],
)
def test_who_has_a_call_beside_hears_both(behind: Behind, slice_: float, expected: float) -> None:
    """Where the limit is waited for, it is the target's own that ends the call."""
    assert decide(behind, slice_=slice_, beside=True) == (BESIDE, expected)


@pytest.mark.parametrize(
    ("usual", "expected"),
    [(None, UNKNOWN), (0.01, SHORTEST), (0.3, 0.6), (5.0, LONGEST)],
)
def test_twice_the_usual_time_has_bounds(usual: float | None, expected: float) -> None:
    assert twice(usual) == expected
