"""Who waits for what, without a process."""

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_local_llm.adapters.openvino.protocol import (
    End,
    Loaded,
    LoadFailed,
    Output,
    Stepped,
    Tokens,
)
from failsoft_local_llm.adapters.openvino.requests import Requests
from failsoft_local_llm.ports import EngineDied


@virtual_time.test
async def test_what_came_together_is_taken_together() -> None:
    """A reader that was away gets one delta and not twenty."""
    requests = Requests()
    request, stream = requests.open_stream()
    for data in (b"one", b" two"):
        requests.deliver(Stepped(outputs=[Output(id=request, tokens=1, data=data)]))

    taken = await stream.take()

    assert (taken.data, taken.tokens, taken.end) == (b"one two", 2, None)


@virtual_time.test
async def test_a_request_is_open_until_the_engine_says_that_it_ended() -> None:
    requests = Requests()
    request, stream = requests.open_stream()
    assert requests.open == 1

    requests.deliver(Stepped(outputs=[Output(id=request, tokens=1, data=b"x", end=End.STOP)]))

    assert requests.open == 0
    assert (await stream.take()).end is End.STOP


@virtual_time.test
async def test_everybody_who_waits_is_told_of_the_engines_death() -> None:
    requests = Requests()
    _, stream = requests.open_stream()
    _, tokens = requests.await_tokens()

    requests.die()

    for waiting in (stream.take(), tokens, requests.wait_until_loaded()):
        with pytest.raises(EngineDied):
            await waiting
    with pytest.raises(EngineDied):
        requests.open_stream()
    await requests.wait_until_dead()
    assert requests.open == 0


@virtual_time.test
async def test_tokens_that_nobody_waits_for_any_more_are_dropped() -> None:
    requests = Requests()
    given_up, waiting = requests.await_tokens()
    waiting.cancel()

    requests.deliver(Tokens(id=given_up, tokens=[[1]]))
    request, tokens = requests.await_tokens()
    requests.deliver(Tokens(id=request, tokens=[[2, 3]]))

    assert await tokens == [[2, 3]]


@virtual_time.test
async def test_loading_ends_well_or_with_the_reason() -> None:
    loaded, failed = Requests(), Requests()

    loaded.deliver(Loaded())
    failed.deliver(LoadFailed(why="unknown architecture"))

    await loaded.wait_until_loaded()
    with pytest.raises(EngineDied, match="unknown architecture"):
        await failed.wait_until_loaded()


@virtual_time.test
async def test_the_engine_owes_something_until_each_request_has_ended() -> None:
    requests = Requests()
    owes = [requests.awaited]
    request, _ = requests.open_stream()
    requests.await_tokens()
    owes.append(requests.awaited)
    requests.deliver(Stepped(outputs=[Output(id=request, tokens=1, data=b"x", end=End.STOP)]))
    owes.append(requests.awaited)
    requests.deliver(Tokens(id=request + 1, tokens=[[1]]))
    owes.append(requests.awaited)

    assert owes == [False, True, True, False]


@virtual_time.test
async def test_a_step_that_gave_nothing_is_heard_too() -> None:
    """A long prompt takes many steps before the first token, and is no hang."""
    requests = Requests()
    before = requests.heard

    requests.deliver(Stepped(outputs=[]))

    assert requests.heard > before
