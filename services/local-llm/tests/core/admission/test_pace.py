"""What is expected of the next requests."""

import pytest

from failsoft_local_llm.core.admission.pace import ENOUGH, Pace, Used
from failsoft_local_llm.core.admission.ticket import Work


def measured(pace: Pace, *, times: int = ENOUGH) -> Pace:
    """Reads 1000 tokens a second, writes 10, and answers have half of what they may have."""
    for _ in range(times):
        pace.learn(
            Work(prompt=500, output=42), Used(reading=0.5, writing=2.0, written=20, output=21)
        )
    return pace


def test_nothing_is_expected_before_enough_was_measured() -> None:
    assert measured(Pace(), times=ENOUGH - 1).seconds(Work(prompt=1, output=1)) is None


def test_long_prompts_and_long_answers_are_two_things() -> None:
    """With one number for both, long prompts with short answers would look very slow."""
    pace = measured(Pace())

    assert pace.seconds(Work(prompt=4000, output=2)) == pytest.approx(4.1)
    assert pace.seconds(Work(prompt=10, output=400)) == pytest.approx(20.01)


def test_an_engine_that_got_slower_is_believed_after_some_requests() -> None:
    pace = measured(Pace())
    for _ in range(60):
        pace.learn(
            Work(prompt=500, output=42), Used(reading=5.0, writing=20.0, written=20, output=21)
        )

    assert pace.seconds(Work(prompt=500, output=42)) == pytest.approx(25.0, rel=0.1)


def test_an_answer_of_one_token_says_nothing_of_the_speed_of_writing() -> None:
    pace = measured(Pace())
    for _ in range(10):
        pace.learn(Work(prompt=500, output=1), Used(reading=0.5, writing=0.0, written=0, output=1))

    assert pace.seconds(Work(prompt=0, output=100)) == pytest.approx(5.5, rel=0.2)


def test_requests_whose_reading_is_not_known_say_nothing_of_it() -> None:
    pace = measured(Pace())
    for _ in range(10):
        pace.learn(
            Work(prompt=10, output=42), Used(reading=None, writing=2.0, written=20, output=21)
        )

    assert pace.seconds(Work(prompt=1000)) == pytest.approx(1.0)
