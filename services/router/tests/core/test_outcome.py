"""Every class of error in every phase has one meaning, written down here a second time."""

from itertools import product

import pytest

from failsoft_model.walk import ErrorClass
from failsoft_router.core.outcome import (
    Lesson,
    Next,
    Phase,
    Verdict,
    goes_on,
    is_turned_away,
    may_pass,
    verdict,
)

HOP, STOP = Next.HOP, Next.STOP
ROUTE, BLAME = Next.ROUTE_DECIDES, Next.BLAME_DECIDES
NOTHING, HEALTH, QUOTA = Lesson.NOTHING, Lesson.HEALTH, Lesson.QUOTA

# Again while connecting, while waiting, while speaking; on purpose not as in the code.
CELLS = {
    ErrorClass.TRANSIENT: (HOP, (True, True, False), HEALTH),
    ErrorClass.RATE_LIMITED: (HOP, (True, True, False), QUOTA),
    ErrorClass.QUOTA: (HOP, (False, False, False), Lesson.ACCOUNT),
    ErrorClass.CREDENTIAL: (HOP, (False, False, False), Lesson.CREDENTIAL),
    ErrorClass.MODEL_GONE: (HOP, (False, False, False), Lesson.TARGET),
    ErrorClass.REGION: (HOP, (False, False, False), Lesson.TARGET),
    ErrorClass.CONTEXT_LENGTH: (HOP, (False, False, False), NOTHING),
    ErrorClass.CONTENT_FILTER: (ROUTE, (False, False, False), NOTHING),
    ErrorClass.CALLER_FAULT: (BLAME, (False, False, False), NOTHING),
    ErrorClass.CANCELLED: (STOP, (False, False, False), NOTHING),
    ErrorClass.TIMEOUT_CONNECT: (HOP, (False, False, False), HEALTH),
    ErrorClass.TIMEOUT_FIRST_CONTENT: (HOP, (False, False, False), HEALTH),
    ErrorClass.STALL: (HOP, (False, False, False), HEALTH),
    ErrorClass.TIMEOUT_TOTAL: (HOP, (False, False, False), HEALTH),
    ErrorClass.TRUNCATED: (HOP, (True, True, False), HEALTH),
    ErrorClass.MALFORMED: (HOP, (True, True, False), HEALTH),
    ErrorClass.SCHEMA_INVALID: (HOP, (False, False, False), NOTHING),
    ErrorClass.UNSUPPORTED: (HOP, (False, False, False), NOTHING),
    ErrorClass.ROUTER_LOOP: (HOP, (False, False, False), NOTHING),
    ErrorClass.TENANT_LIMITED: (HOP, (False, False, False), NOTHING),
    ErrorClass.UNKNOWN: (HOP, (True, False, False), HEALTH),
}
EVERY_CELL = list(product(ErrorClass, enumerate(Phase)))


@pytest.mark.parametrize(("error_class", "numbered"), EVERY_CELL)
def test_each_cell_says_where_to_go_whether_again_and_who_learns(
    error_class: ErrorClass, numbered: tuple[int, Phase]
) -> None:
    column, phase = numbered
    goes, again, learns = CELLS[error_class]

    assert verdict(error_class, phase) == Verdict(next=goes, again=again[column], lesson=learns)


@pytest.mark.parametrize("error_class", ErrorClass)
def test_nothing_is_tried_again_once_content_has_come(error_class: ErrorClass) -> None:
    """The caller would read the beginning twice."""
    assert not verdict(error_class, Phase.SPEAKING).again


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("error_class", ErrorClass)
def test_what_ends_the_walk_is_never_tried_again_and_counts_against_nobody(
    error_class: ErrorClass, phase: Phase
) -> None:
    """Seen elsewhere: one caller's mistake cooled a target down for everybody."""
    given = verdict(error_class, phase)

    if given.next is not Next.HOP:
        assert not given.again
        assert given.lesson is Lesson.NOTHING


@pytest.mark.parametrize("is_certain", [False, True])
@pytest.mark.parametrize("falls_back", [False, True])
@pytest.mark.parametrize("error_class", ErrorClass)
def test_only_a_content_refusal_is_the_routes_to_decide_and_only_blame_may_be_doubted(
    error_class: ErrorClass, falls_back: bool, is_certain: bool
) -> None:
    goes, _, _ = CELLS[error_class]
    expected = {HOP: True, STOP: False, ROUTE: falls_back, BLAME: not is_certain}[goes]

    went = goes_on(error_class, content_filter_falls_back=falls_back, is_certain=is_certain)

    assert went is expected


def test_what_the_request_itself_is_wrong_with_does_not_pass_by_waiting() -> None:
    """Else a caller would be told to come back with what will be refused again."""
    assert {error_class for error_class in ErrorClass if not may_pass(error_class)} == {
        ErrorClass.CONTEXT_LENGTH,
        ErrorClass.UNSUPPORTED,
        ErrorClass.ROUTER_LOOP,
        ErrorClass.CONTENT_FILTER,
        ErrorClass.CALLER_FAULT,
    }


def test_only_want_of_room_before_any_content_leaves_the_request_undone() -> None:
    """An account that is empty is empty for all endpoints; who has spoken has let it in."""
    cells = {cell for cell in product(ErrorClass, Phase) if is_turned_away(*cell)}

    assert cells == {
        (ErrorClass.RATE_LIMITED, Phase.CONNECTING),
        (ErrorClass.RATE_LIMITED, Phase.WAITING),
    }
