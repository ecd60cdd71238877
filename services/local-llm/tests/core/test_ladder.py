"""Which model is started next."""

import math

from failsoft_local_llm.core.backoff import FORGIVEN_AFTER_SECONDS
from failsoft_local_llm.core.ladder import TRIES, Ladder

NOW = 1000.0


def test_a_model_that_cannot_be_loaded_gives_way_to_the_next_at_once() -> None:
    ladder = Ladder(2, retry_seconds=600.0)

    assert ladder.failed(served_seconds=None) == 0.0
    assert ladder.rung == 1


def test_a_model_that_has_served_is_started_again() -> None:
    ladder = Ladder(2, retry_seconds=600.0)
    ladder.serves(0, now=NOW)

    assert ladder.failed(served_seconds=5.0) > 0.0
    assert ladder.rung == 0


def test_a_model_that_keeps_dying_is_given_up() -> None:
    ladder = Ladder(2, retry_seconds=600.0)
    for _ in range(TRIES):
        ladder.serves(0, now=NOW)
        assert ladder.rung == 0
        ladder.failed(served_seconds=5.0)

    assert ladder.rung == 1


def test_a_death_now_and_then_is_forgiven() -> None:
    ladder = Ladder(2, retry_seconds=600.0)
    for _ in range(10 * TRIES):
        ladder.serves(0, now=NOW)
        ladder.failed(served_seconds=FORGIVEN_AFTER_SECONDS)

    assert ladder.rung == 0


def test_where_nothing_can_be_loaded_the_rounds_get_rarer() -> None:
    ladder = Ladder(2, retry_seconds=600.0)

    delays = [ladder.failed(served_seconds=None) for _ in range(6)]

    assert delays == [0.0, 0.25, 0.0, 0.5, 0.0, 1.0]
    assert ladder.rung == 0


def test_the_only_model_is_started_again_ever_more_slowly() -> None:
    ladder = Ladder(1, retry_seconds=600.0)

    assert [ladder.failed(served_seconds=None) for _ in range(3)] == [0.25, 0.5, 1.0]
    assert ladder.rung == 0


def test_better_models_are_due_as_long_as_there_are_any() -> None:
    ladder = Ladder(2, retry_seconds=600.0)
    assert ladder.climb_at == math.inf
    ladder.failed(served_seconds=None)
    ladder.serves(1, now=NOW)
    assert ladder.climb_at == NOW + 600.0

    ladder.climb_failed(now=NOW + 700.0)
    assert ladder.climb_at == NOW + 1300.0

    ladder.serves(0, now=NOW + 1300.0)
    assert ladder.climb_at == math.inf
