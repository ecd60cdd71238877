"""Counting."""

import asyncio

import pytest

from failsoft_upstream.meter import Meter


def test_calls_are_in_flight_until_they_end() -> None:
    meter = Meter()
    with meter.call("/a"), meter.call("/b"):
        assert (meter.in_flight, meter.max_in_flight) == (2, 2)
    with meter.call("/a"):
        pass
    assert (meter.in_flight, meter.max_in_flight, meter.completed) == (0, 2, 3)
    assert meter.by_path == {"/a": 2, "/b": 1}


@pytest.mark.parametrize("departure", [asyncio.CancelledError, ConnectionResetError])
def test_a_client_who_leaves_is_counted_apart(departure: type[BaseException]) -> None:
    meter = Meter()
    with pytest.raises(departure), meter.call("/a"):
        raise departure
    assert (meter.cancelled, meter.completed, meter.in_flight) == (1, 0, 0)


def test_what_is_in_flight_outlives_a_reset() -> None:
    """A reset between two acts must not make the running calls negative."""
    meter = Meter()
    with meter.call("/a"):
        meter.reset()
        assert (meter.calls, meter.in_flight, meter.max_in_flight) == (0, 1, 1)
    assert meter.in_flight == 0


async def test_waiting_for_a_count_ends_with_it() -> None:
    meter = Meter()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(meter.wait_until(lambda seen: seen.tokens_out >= 3))
        await asyncio.sleep(0)
        meter.said(2)
        await asyncio.sleep(0)
        assert not waiting.done()
        meter.said(1)


async def test_a_wait_that_was_given_up_disturbs_nobody() -> None:
    meter = Meter()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await meter.wait_until(lambda seen: seen.calls > 0)
    with meter.call("/a"):
        pass
    assert meter.calls == 1
