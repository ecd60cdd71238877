"""How long an API that does not answer is left alone, and one that cuts its watches."""

import pytest

from failsoft_router.adapters.endpoint_trouble import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_REST,
    Trouble,
    pause,
)
from failsoft_router.core.service_address import ServiceAddress

ALMOST_ONE = 0.999


@pytest.fixture
def trouble() -> Trouble:
    return Trouble(ServiceAddress(namespace="models", service="llama", port="grpc"))


def miss(trouble: Trouble) -> float:
    """A list is not answered; gives the pause after it."""
    trouble.begins()
    trouble.met("no answer")
    return trouble.pause(ALMOST_ONE)


def cut(trouble: Trouble, *, lasted: bool = False) -> float:
    """A list is answered, and its watch is cut."""
    trouble.begins()
    trouble.listed()
    if lasted:
        trouble.watched()
    trouble.met("no answer")
    return trouble.pause(ALMOST_ONE)


def test_pauses_grow_to_a_limit_and_differ() -> None:
    assert [pause(failures, ALMOST_ONE) for failures in (1, 2, 3)] == pytest.approx(
        [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE], rel=0.01
    )
    assert pause(1, 0.0) == FIRST_PAUSE / 2
    assert pause(10**6, 0.0) == LONGEST_PAUSE / 2


def test_an_api_that_does_not_answer_is_left_alone_for_longer_each_time(trouble: Trouble) -> None:
    assert [miss(trouble) for _ in range(10)][-1] == pytest.approx(LONGEST_PAUSE, rel=0.01)


def test_an_api_that_answers_lists_is_asked_again_soon_but_not_at_once(trouble: Trouble) -> None:
    """Until then nobody sees what changes; and it may be cut as soon as it is open."""
    pauses = [cut(trouble) for _ in range(20)]

    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(FIRST_PAUSE, rel=0.01)
    assert pauses[-1] == pytest.approx(LONGEST_REST, rel=0.01)


def test_a_watch_that_lasted_was_no_trouble(trouble: Trouble) -> None:
    assert {cut(trouble, lasted=True) for _ in range(20)} == {pause(1, ALMOST_ONE)}


def test_a_good_list_ends_the_wait_for_an_answer(trouble: Trouble) -> None:
    for _ in range(10):
        miss(trouble)
    cut(trouble)

    assert miss(trouble) == pause(1, ALMOST_ONE)


def test_only_the_first_try_is_hasty(trouble: Trouble) -> None:
    tries = [trouble.is_first_try]
    for happens in (miss, cut):
        happens(trouble)
        tries.append(trouble.is_first_try)

    assert tries == [True, False, False]
    assert trouble.ever_listed
