"""Waiting before an engine is started again."""

from failsoft_local_llm.core import backoff


def test_the_wait_doubles_up_to_its_cap() -> None:
    waits = [backoff.delay(failures) for failures in (1, 2, 3, 4, 8, 100)]

    assert waits == [0.25, 0.5, 1.0, 2.0, 30.0, 30.0]


def test_an_engine_that_served_for_a_minute_starts_with_a_clean_slate() -> None:
    assert backoff.failures_after(7, served_seconds=60.0) == 1
    assert backoff.failures_after(7, served_seconds=59.9) == 8
