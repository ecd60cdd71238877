"""What a streaming caller sees: every event in order, and never two answers in one."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.errors import Code
from failsoft_model.events import Delta, Finished, HopUpdate, Started, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import RouteExhausted, StreamBroken, WalkDeadlinePassed
from failsoft_router.core.policy import BreakerPolicy, Midstream
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Stage, Step

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
RESTART = {"midstream": Midstream.RESTART}
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")


def in_short(events: Iterable[Event]) -> list[str]:
    """Each event in a word or two."""
    words = []
    for event in events:
        match event:
            case Started():
                words.append("started")
            case HopUpdate(hop=hop):
                words.append(f"{hop.target} {hop.outcome.value}")
            case Delta(text=text):
                words.append(f"+{text}")
            case StreamReset(reason=reason, from_block=block):
                words.append(f"reset {reason.value} {block}")
            case Finished(served_by=name):
                words.append(f"finished by {name}")
    return words


def read(events: Iterable[Event]) -> str:
    """The text as a reader that knows resets has it at the end."""
    text = ""
    for event in events:
        match event:
            case Delta():
                text += event.text
            case StreamReset():
                text = ""
    return text


@virtual_time.test
async def test_events_come_in_the_order_of_what_happens(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("Hel", 0.1, "lo", DONE))

    events = await router.stream()

    assert in_short(events) == [
        "started",
        "a trying",
        "a failed",
        "b trying",
        "+Hel",
        "+lo",
        "finished by b",
    ]
    assert events[0] == Started(walk_id="walk-1", route="chat", request_id="req-1")
    last = events[-1]
    assert isinstance(last, Finished)
    assert [hop.outcome for hop in last.hops] == [HopOutcome.FAILED, HopOutcome.SERVED]


@virtual_time.test
async def test_each_piece_leaves_when_it_comes(stage: type[Stage]) -> None:
    router = stage(a=(1.0, "Hel", 0.5, "lo", DONE))
    times = []

    async def note(event: Event) -> None:
        if isinstance(event, Delta):
            times.append(router.after())

    await router.stream(reader=note)

    assert times == [1.0, 1.5]


@virtual_time.test
async def test_before_the_first_content_a_fallback_needs_no_reset(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), b=("Hello", DONE))

    assert "reset" not in " ".join(in_short(await router.stream()))


@virtual_time.test
async def test_an_answer_that_breaks_off_is_reset_and_told_anew(stage: type[Stage]) -> None:
    router = stage(a=("Good mor",), b=("Hello", DONE), route=RESTART)

    events = await router.stream()

    assert in_short(events) == [
        "started",
        "a trying",
        "+Good mor",
        "a failed",
        "reset truncated 0",
        "b trying",
        "+Hello",
        "finished by b",
    ]
    assert read(events) == "Hello"
    (walk,) = router.spans.named("failsoft.walk")
    assert [event.name for event in walk.events] == ["failsoft.stream_reset"]


@virtual_time.test
async def test_a_route_that_restarts_nothing_lets_no_inner_router_do_it(
    stage: type[Stage],
) -> None:
    """The reader who would rather have a broken answer than two was told of a second one."""
    again = StreamReset(reason=ErrorClass.STALL)
    router = stage(
        a=("half of it", again, "other", DONE),
        route={"midstream": Midstream.FAIL},
        targets={"a": {"breaker": BreakerPolicy(consecutive_failures=1)}},
    )

    with pytest.raises(StreamBroken) as broken:
        await router.stream()

    assert broken.value.cause is ErrorClass.STALL
    assert read(router.events) == "half of it"
    assert "reset" not in " ".join(in_short(router.events))
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_an_inner_router_that_has_said_nothing_yet_may_start_over(stage: type[Stage]) -> None:
    again = StreamReset(reason=ErrorClass.STALL)
    router = stage(a=(again, "Hello", DONE), route={"midstream": Midstream.FAIL})

    assert read(await router.stream()) == "Hello"


@virtual_time.test
async def test_who_is_given_whole_answers_only_is_given_one_that_started_over(
    stage: type[Stage],
) -> None:
    again = StreamReset(reason=ErrorClass.STALL)
    router = stage(a=("half", again, "Hello", DONE), route={"midstream": Midstream.FAIL})

    assert (await router.ask()).choice.message.text == "Hello"


@pytest.mark.parametrize("behind", ["b", "mock"])
def test_what_was_said_is_not_voided_when_the_time_is_over(stage: type[Stage], behind: str) -> None:
    """The reader was told to forget it, and got nothing or a mock in its place."""

    async def walk() -> None:
        words: list[Step] = ["word ", 1.0]
        router = stage(hops=("a", behind), a=(*words * 60, DONE), b=("hi", DONE))

        with pytest.raises(WalkDeadlinePassed):
            await router.stream(within=30.0)

        assert read(router.events) == "word " * 30
        assert "reset" not in " ".join(in_short(router.events))

    virtual_time.run(walk())


@virtual_time.test
async def test_who_was_sent_nothing_gets_a_mock_when_the_time_is_over(stage: type[Stage]) -> None:
    words: list[Step] = ["word ", 1.0]
    router = stage(hops=("a", "mock"), a=(*words * 60, DONE))

    assert (await router.ask(within=30.0)).finished.degradation is Degradation.MOCK


@virtual_time.test
async def test_a_second_break_is_reset_again_and_a_silent_failure_is_not(
    stage: type[Stage],
) -> None:
    router = stage(a=("one", BUSY), b=(BUSY,), c=("three", BUSY), d=("four", DONE), route=RESTART)

    events = await router.stream()

    assert [word for word in in_short(events) if word.startswith(("reset", "+"))] == [
        "+one",
        "reset transient 0",
        "+three",
        "reset transient 0",
        "+four",
    ]
    assert read(events) == "four"


@virtual_time.test
async def test_a_route_may_rather_fail_than_start_again(stage: type[Stage]) -> None:
    router = stage(a=("Good mor", BUSY), b=("Hello", DONE), route={"midstream": Midstream.FAIL})

    with pytest.raises(StreamBroken) as broken:
        await router.stream()

    assert broken.value.code is Code.ABORTED
    assert broken.value.cause is ErrorClass.TRANSIENT
    assert [hop.target for hop in broken.value.hops] == ["a"]
    assert broken.value.walk_id == "walk-1"
    assert router.targets["b"].calls == []
    assert in_short(router.events)[-1] == "a failed"


@virtual_time.test
async def test_who_can_see_no_reset_is_sent_none(stage: type[Stage]) -> None:
    """An OpenAI client would read the two answers as one."""
    router = stage(a=("Good mor", BUSY), b=("Hello", DONE), route=RESTART)

    with pytest.raises(StreamBroken):
        await router.stream(sees_resets=False)

    assert read(router.events) == "Good mor"
    assert "reset" not in " ".join(in_short(router.events))


@virtual_time.test
async def test_a_route_that_rather_fails_still_falls_back_before_the_first_content(
    stage: type[Stage],
) -> None:
    router = stage(a=(BUSY,), b=("Hello", DONE), route={"midstream": Midstream.FAIL})

    assert read(await router.stream()) == "Hello"


@virtual_time.test
async def test_a_reset_of_an_inner_router_is_handed_on(stage: type[Stage]) -> None:
    """It walks itself: only what it sent before is void, and nothing has failed here."""
    inner = StreamReset(reason=ErrorClass.STALL, from_block=1)
    router = stage(
        a=(
            Delta(text="Hm.", block=0),
            Delta(text="Good", block=1),
            inner,
            Delta(text="Hello", block=1),
            DONE,
        )
    )

    events = await router.stream()

    assert in_short(events)[2:] == ["+Hm.", "+Good", "reset stall 1", "+Hello", "finished by a"]
    (kept,) = router.cache.texts
    assert kept == "Hm.\nHello"


@virtual_time.test
async def test_when_all_break_off_the_caller_is_told_that_too(stage: type[Stage]) -> None:
    router = stage(a=("one", BUSY), b=("two", BUSY), route=RESTART)

    with pytest.raises(RouteExhausted):
        await router.stream()

    assert read(router.events) == ""


@virtual_time.test
async def test_a_mock_is_streamed_and_labelled(stage: type[Stage]) -> None:
    router = stage(a=("Good mor", BUSY), hops=("a", "mock"))

    events = await router.stream()

    assert "mock answer" in read(events)
    assert isinstance(events[-1], Finished)
    assert events[-1].degradation is Degradation.MOCK


@virtual_time.test
async def test_a_slow_reader_is_not_the_targets_fault(stage: type[Stage]) -> None:
    """The stall limit is 2 s; the reader takes 10 s for each piece."""
    router = stage(a=("a", 1.9, "b", 1.9, "c", DONE))

    async def slow(event: Event) -> None:
        await asyncio.sleep(10.0)

    events = await router.stream(reader=slow)

    assert read(events) == "abc"
    assert router.board.place("a").gates.health.consecutive_failures == 0


@virtual_time.test
async def test_a_target_that_stalls_behind_a_slow_reader_gets_its_full_limit(
    stage: type[Stage],
) -> None:
    router = stage(a=("a", math.inf), b=("b", DONE))

    async def slow(event: Event) -> None:
        if isinstance(event, Delta):
            await asyncio.sleep(10.0)

    await router.stream(reader=slow)

    assert router.targets["b"].started == [router.began + 10.0 + 2.0]


@virtual_time.test
async def test_an_answer_that_is_too_late_for_its_slow_reader_counts_against_nobody(
    stage: type[Stage],
) -> None:
    """The total limit ends the call all the same: nothing may stay open for ever."""
    touchy = {"breaker": BreakerPolicy(consecutive_failures=1)}
    router = stage(a=("one", 0.1) * 100, targets={"a": touchy})

    async def slow(event: Event) -> None:
        await asyncio.sleep(10.0)

    with pytest.raises(RouteExhausted) as failure:
        await router.stream(reader=slow)

    assert failure.value.cause is ErrorClass.TIMEOUT_TOTAL
    assert router.board.place("a").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_reader_that_breaks_ends_the_call_and_teaches_nothing(stage: type[Stage]) -> None:
    router = stage(a=("a", "b", DONE))

    async def broken(event: Event) -> None:
        if isinstance(event, Delta):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await router.stream(reader=broken)

    assert router.targets["a"].running == 0
    breaker = router.board.place("a").gates.health
    assert breaker.counts(router.clock.now()).calls == 0
    assert breaker.state is State.CLOSED
    assert router.cache.kept == {}
