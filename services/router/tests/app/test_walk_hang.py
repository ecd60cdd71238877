"""A provider that hangs is taken out, however little time its callers have for it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.events import Finished, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import WalkDeadlinePassed
from failsoft_router.core.policy import BreakerPolicy, Limits, Midstream, Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
CUT = AttemptFailed(ErrorClass.TRUNCATED, "cut")
HANG: Script = (math.inf,)
SOON: Script = (0.2, "hi", DONE)
LIMITS = Limits()
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1)}


async def ask_at_once(router: Stage, callers: int, *, within: float | None = None) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(router.ask(within=within))


def state_of(router: Stage, target: str) -> State:
    return router.board.place(target).gates.health.state


@pytest.mark.parametrize("within", [5.0, 10.0, 12.0])
def test_callers_with_a_deadline_pay_for_a_hang_only_until_its_breaker_opens(
    stage: type[Stage], within: float
) -> None:
    """Every caller paid its whole slice for ever: what it had was less than the target's limit."""

    async def walk() -> None:
        router = stage(a=HANG, b=SOON, limits=LIMITS)
        async with router.supervised():
            await ask_at_once(router, 20, within=within)
            await asyncio.sleep(LIMITS.first_content - router.after())
            before = router.after()

            answer = await router.ask(within=within)

            assert answer.finished.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
            assert router.after() - before == pytest.approx(0.2)

    virtual_time.run(walk())


@virtual_time.test
async def test_one_caller_after_the_other_finds_a_hang_as_well(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=SOON, limits=LIMITS)
    async with router.supervised():
        callers = 0
        while state_of(router, "a") is State.CLOSED:
            await router.ask(within=5.0)
            callers += 1

        assert callers < 20
        assert router.after() < 25.0


@virtual_time.test
async def test_a_call_beside_is_kept_until_somebodys_answer_is_whole(stage: type[Stage]) -> None:
    """It was let go at another one's first word, and nobody was left when that one died."""
    router = stage(a=(4.0, "hi", DONE), b=("x", 0.1, CUT), limits=LIMITS)

    answer = await router.ask(within=5.0)

    assert answer.choice.message.text == "hi"
    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.SERVED, HopOutcome.FAILED]


@virtual_time.test
async def test_a_call_beside_that_has_spoken_ends_with_somebodys_answer_as_a_good_one(
    stage: type[Stage],
) -> None:
    router = stage(a=(4.0, "hi", 30.0, DONE), b=("x", 1.5, "y", DONE), limits=LIMITS)
    async with router.supervised():
        assert (await router.ask(within=5.0)).finished.served_by == "b"
        await asyncio.sleep(0)

        assert router.targets["a"].running == 0
    counts = router.board.place("a").gates.health.counts(router.clock.now())
    assert (counts.calls, counts.failures) == (1, 0)


@virtual_time.test
async def test_who_has_little_time_leaves_the_call_and_goes_on(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=SOON, limits=LIMITS)

    answer = await router.ask(within=5.0)

    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.PROBING, HopOutcome.SERVED]
    assert router.after() == pytest.approx(5.0 - 2.0 - 0.02 + 0.2)


@virtual_time.test
async def test_few_calls_are_left_running_at_once(stage: type[Stage]) -> None:
    """As many as open the breaker; a hang must not be made a heap of calls."""
    router = stage(a=HANG, b=SOON, limits=LIMITS)
    async with router.supervised():
        await ask_at_once(router, 50, within=5.0)

        assert router.targets["a"].running == BreakerPolicy().consecutive_failures


@virtual_time.test
async def test_few_calls_are_left_running_by_callers_who_hang_up(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=SOON, limits=LIMITS)
    async with router.supervised():
        async with asyncio.TaskGroup() as tasks:
            callers = [tasks.create_task(router.ask(within=5.0)) for _ in range(50)]
            await asyncio.sleep(1.0)
            for caller in callers:
                caller.cancel()
        await asyncio.sleep(0.1)

        assert router.targets["a"].running == BreakerPolicy().consecutive_failures


@virtual_time.test
async def test_a_call_that_is_left_keeps_its_place_until_it_ends(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=SOON, limits=LIMITS)
    bulkhead = router.board.place("a").bulkhead
    async with router.supervised():
        await router.ask(within=5.0)

        assert bulkhead.in_flight == 1
        await asyncio.sleep(LIMITS.first_content)
        assert bulkhead.in_flight == 0
        assert router.targets["a"].running == 0


@virtual_time.test
async def test_a_call_that_is_left_ends_when_the_process_does(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=SOON, limits=LIMITS, targets={"a": TOUCHY})
    async with router.supervised():
        await router.ask(within=5.0)

    assert router.targets["a"].running == 0
    assert router.board.place("a").bulkhead.in_flight == 0
    assert state_of(router, "a") is State.CLOSED


@virtual_time.test
async def test_a_healthy_target_is_never_taken_out_by_callers_in_a_hurry(
    stage: type[Stage],
) -> None:
    """It answers each call that is left running, though nobody waits for it."""
    router = stage(a=(1.0, "hi", 1.0, DONE), b=SOON, limits=LIMITS, targets={"a": TOUCHY})
    async with router.supervised():
        for _ in range(30):
            await asyncio.sleep(0.3)
            await router.refused(within=0.2)
        await asyncio.sleep(LIMITS.first_content)

        assert state_of(router, "a") is State.CLOSED
        assert router.board.place("a").gates.health.consecutive_failures == 0


@virtual_time.test
async def test_a_call_that_is_left_ends_with_its_first_content(stage: type[Stage]) -> None:
    """It has shown that its target is well; the rest of the answer would cost for nothing."""
    router = stage(a=(4.0, "late", math.inf), b=SOON, limits=LIMITS)
    async with router.supervised():
        await router.ask(within=5.0)
        await asyncio.sleep(1.0)

        assert router.targets["a"].running == 0
        assert router.board.place("a").gates.health.counts(router.clock.now()).calls == 1
        assert router.board.place("a").history.usual() == 4.0


@virtual_time.test
async def test_a_call_that_is_left_may_still_speak_first(stage: type[Stage]) -> None:
    router = stage(a=(4.0, "late", DONE), b=HANG, limits=LIMITS)

    answer = await router.ask(within=5.0)

    assert answer.choice.message.text == "late"
    assert answer.finished.served_by == "a"


@virtual_time.test
async def test_when_nobody_else_answers_the_call_that_was_left_is_waited_for(
    stage: type[Stage],
) -> None:
    router = stage(a=(4.0, "late", DONE), b=(BUSY,), limits=LIMITS)

    answer = await router.ask(within=5.0)

    assert answer.choice.message.text == "late"
    assert [hop.outcome for hop in answer.finished.hops] == [HopOutcome.SERVED, HopOutcome.FAILED]


@virtual_time.test
async def test_two_hanging_targets_are_both_taken_out(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=HANG, c=SOON, limits=LIMITS, targets={"a": TOUCHY, "b": TOUCHY})
    async with router.supervised():
        answer = await router.ask(within=8.0)
        await asyncio.sleep(2 * LIMITS.first_content)

        assert answer.finished.served_by == "c"
        assert (state_of(router, "a"), state_of(router, "b")) == (State.OPEN, State.OPEN)


@virtual_time.test
async def test_calls_that_all_hang_are_told_as_what_they_were(stage: type[Stage]) -> None:
    router = stage(a=HANG, b=HANG, limits=LIMITS)

    error = await router.refused(within=5.0)

    assert isinstance(error, WalkDeadlinePassed)
    assert error.cause is ErrorClass.TIMEOUT_FIRST_CONTENT
    assert [hop.outcome for hop in error.hops] == [HopOutcome.FAILED] * 2
    assert [len(hop.attempts) for hop in error.hops] == [1, 1]
    assert router.after() == pytest.approx(4.98)


@virtual_time.test
async def test_another_router_is_told_how_long_its_caller_waits(stage: type[Stage]) -> None:
    """It splits that time over its own targets; with our limits it would wait for the first."""
    inner = {"provider": Provider.FAILSOFT, "endpoint": "dns:///inner:50051"}
    router = stage(a=(0.1, "hi", DONE), limits=LIMITS, targets={"a": inner})

    await router.ask(within=5.0)

    (call,) = router.targets["a"].calls
    assert call.total == pytest.approx(4.98)


@virtual_time.test
async def test_five_long_prompts_at_once_do_not_take_a_healthy_target_out(
    stage: type[Stage],
) -> None:
    """After many fast answers each was cut off at 2 s, and the five of them opened the breaker."""
    slow: Script = (5.0, "long", DONE)
    router = stage(a=[*[("hi", DONE)] * 20, slow], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    async with router.supervised():
        await ask_at_once(router, 5)
        await asyncio.sleep(LIMITS.first_content)

        assert state_of(router, "a") is State.CLOSED
        assert router.board.place("a").gates.health.consecutive_failures == 0


@virtual_time.test
async def test_who_has_nowhere_else_to_go_waits_for_the_policys_limit(stage: type[Stage]) -> None:
    router = stage(a=[*[("hi", DONE)] * 20, (5.0, "long", DONE)], limits=LIMITS)
    for _ in range(20):
        await router.ask()

    assert (await router.ask()).choice.message.text == "long"


@virtual_time.test
async def test_a_fast_target_that_hangs_costs_who_meets_it_first_two_seconds(
    stage: type[Stage],
) -> None:
    """Those behind wait twice its usual time; it is out when the policy's limit has passed."""
    router = stage(a=[*[(0.3, "hi", DONE)] * 20, HANG], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    begun = router.after()
    async with router.supervised():
        waits = []
        while state_of(router, "a") is State.CLOSED:
            asked = router.after()
            await router.ask()
            waits.append(router.after() - asked)

        assert waits[0] == pytest.approx(2.0 + 0.2)
        assert max(waits[1:]) == pytest.approx(0.6 + 0.2)
        assert router.after() - begun < 2.0 + LIMITS.first_content + 5.0


@virtual_time.test
async def test_a_fast_target_that_hangs_under_load_costs_only_those_who_were_there(
    stage: type[Stage],
) -> None:
    """Everybody waited twice its usual time for eight seconds more, until its breaker opened."""
    router = stage(a=[*[(0.2, "hi", DONE)] * 20, HANG], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    begun, late = router.after(), list[float]()

    async def ask() -> None:
        asked = router.after()
        await router.ask()
        if router.after() - asked > 0.2 + 0.001:
            late.append(asked - begun)

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        while state_of(router, "a") is State.CLOSED:
            tasks.create_task(ask())
            await asyncio.sleep(0.02)

    needed = BreakerPolicy().consecutive_failures
    assert max(late) <= 2.0 + 0.02 * needed
    assert len(late) <= 2.0 / 0.02 + needed
    assert router.targets["a"].running == 0


@virtual_time.test
async def test_a_silent_target_that_speaks_again_is_asked_again(stage: type[Stage]) -> None:
    """Its breaker has never opened, so there is no open time to wait for."""
    fast, slow = (0.2, "hi", DONE), (4.0, "long", DONE)
    router = stage(a=[*[fast] * 20, *[slow] * 15, fast], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    async with router.supervised():
        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(router.ask())
            await asyncio.sleep(2.1)
            meanwhile = [await router.ask() for _ in range(6)]
        await asyncio.sleep(5.0)

        answer = await router.ask()

    assert meanwhile[-1].finished.hops[0].skip_reason is SkipReason.CIRCUIT_OPEN
    assert answer.finished.served_by == "a"


@virtual_time.test
async def test_a_silent_target_is_asked_where_nobody_else_is_well(stage: type[Stage]) -> None:
    router = stage(a=[*[(0.2, "hi", DONE)] * 20, HANG], b=(BUSY,), limits=LIMITS)
    for _ in range(20):
        await router.ask()
    async with router.supervised(), asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(router.refused())
            await asyncio.sleep(0.3)

    assert len(router.targets["a"].calls) == 40


@virtual_time.test
async def test_a_target_in_doubt_is_waited_for_where_nobody_else_is_well(
    stage: type[Stage],
) -> None:
    """A mock after the usual time would be a poor answer to one long prompt."""
    scripts: list[Script] = [*[(0.3, "hi", DONE)] * 20, HANG, (1.9, "hi", DONE)]
    router = stage(a=scripts, hops=("a", "mock"), limits=LIMITS)
    async with router.supervised():
        served = [(await router.ask()).finished.served_by for _ in range(22)]

        assert served[-2:] == ["mock", "a"]


@virtual_time.test
async def test_a_fast_target_that_takes_no_connections_any_more_is_out_in_time(
    stage: type[Stage],
) -> None:
    """Its callers wait for less than the limit of a connection."""
    lost = AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "no connection within its limit", sent=False)
    router = stage(a=[*[("hi", DONE)] * 20, (3.0, lost)], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    async with router.supervised():
        for _ in range(8):
            await router.ask()
        await asyncio.sleep(5.0)

        assert state_of(router, "a") is State.OPEN


@virtual_time.test
async def test_a_target_that_got_slower_is_given_its_time_after_one_answer(
    stage: type[Stage],
) -> None:
    router = stage(a=[*[("hi", DONE)] * 20, (5.0, "slow", DONE)], b=SOON, limits=LIMITS)
    for _ in range(20):
        await router.ask()
    async with router.supervised():
        for _ in range(2):
            await router.ask()
        await asyncio.sleep(5.0)

        assert (await router.ask()).choice.message.text == "slow"


@virtual_time.test
async def test_two_ill_targets_cost_no_more_than_their_probes(stage: type[Stage]) -> None:
    """The second one was called with its full limit, as if nobody stood behind it."""
    router = stage(a=HANG, b=HANG, d=SOON, limits=LIMITS, targets={"a": TOUCHY, "b": TOUCHY})
    async with router.supervised():
        await router.ask()
        await asyncio.sleep(30.0)
        began = router.after()

        answer = await router.ask()

        assert answer.finished.served_by == "d"
        assert router.after() - began == pytest.approx(1.0 + 1.0 + 0.2)


@virtual_time.test
async def test_a_reset_is_no_content(stage: type[Stage]) -> None:
    """Another router may take back what it never said; the limit went on as if it had spoken."""
    reset = StreamReset(reason=ErrorClass.STALL)
    router = stage(a=(0.5, reset, math.inf), limits=LIMITS, targets={"a": TOUCHY})

    error = await router.refused()

    assert error.cause is ErrorClass.TIMEOUT_FIRST_CONTENT
    assert router.after() == pytest.approx(LIMITS.first_content)
    assert error.hops[0].attempts[0].time_to_first_content is None


@virtual_time.test
async def test_after_a_reset_alone_a_fallback_needs_no_other_one(stage: type[Stage]) -> None:
    reset = StreamReset(reason=ErrorClass.STALL)
    router = stage(a=(reset, BUSY), b=("hi", DONE), route={"midstream": Midstream.FAIL})

    events = await router.stream()

    assert isinstance(events[-1], Finished)
    assert events[-1].served_by == "b"


@virtual_time.test
async def test_a_call_that_nobody_can_own_gives_back_what_it_took(
    stage: type[Stage], question: Callable[[], ChatRequest]
) -> None:
    """Nothing runs beside its walk any more when the process is about to end."""
    one_probe = BreakerPolicy(consecutive_failures=1, probes=1)
    router = stage(a=(BUSY,), b=SOON, targets={"a": {"breaker": one_probe}})
    await router.ask()
    await asyncio.sleep(15.0)
    place, now = router.board.place("a"), router.clock.now()

    with pytest.raises(RuntimeError):
        await router.walker.answer(question(), router.caller())

    assert place.bulkhead.in_flight == 0
    assert place.gates.health.ask(now) is not None
