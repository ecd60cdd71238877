"""What users of other gateways were hurt by does not happen here.

Each test is named after what they saw; its docstring names the public thread.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import Degradation
from failsoft_model.events import BlockKind, Delta, Finished, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import RouteExhausted, WalkError
from failsoft_router.core.policy import BreakerPolicy, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Script, Stage

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
TWICE = {"attempts": 2}
TOUCHY = {"breaker": BreakerPolicy(consecutive_failures=1)}


def limited(hint: float | None) -> AttemptFailed:
    return AttemptFailed(ErrorClass.RATE_LIMITED, "too many requests", retry_after=hint)


async def way(router: Stage, *, streamed: bool) -> list[tuple[str, HopOutcome, ErrorClass | None]]:
    """Every hop of one walk and how it ended, whether or not there was an answer."""
    try:
        if streamed:
            last = (await router.stream())[-1]
            assert isinstance(last, Finished)
            hops = last.hops
        else:
            hops = (await router.ask()).finished.hops
    except WalkError as error:
        hops = error.hops
    return [(hop.target, hop.outcome, hop.error_class) for hop in hops]


# Fallback.


@pytest.mark.parametrize("streamed", [False, True])
@virtual_time.test
async def test_a_call_that_fails_only_when_it_is_read_falls_back(
    stage: type[Stage], *, streamed: bool
) -> None:
    """BerriAI/litellm#26067, #33256: the call was made outside of what fell back."""
    router = stage(a=(BUSY,), b=("hi", DONE))

    assert (await way(router, streamed=streamed))[-1] == ("b", HopOutcome.SERVED, None)


@pytest.mark.parametrize("error_class", ErrorClass)
@virtual_time.test
async def test_a_streamed_walk_takes_the_way_of_a_unary_one(
    stage: type[Stage], error_class: ErrorClass
) -> None:
    """BerriAI/litellm#22296, #25843: a 429 fell back in unary calls and not in streams."""
    failing = AttemptFailed(error_class, "it failed")

    unary = await way(stage(a=(failing,), b=("hi", DONE)), streamed=False)
    streamed = await way(stage(a=(failing,), b=("hi", DONE)), streamed=True)

    assert streamed == unary


@virtual_time.test
async def test_who_refuses_fallbacks_gets_none_in_mid_answer_either(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    """BerriAI/litellm#19077: `disable_fallbacks` held until the first chunk."""
    router = stage(a=("Good mor", BUSY), b=("Hello", DONE))
    no_fallback = frozenset({Degradation.FALLBACK_TARGET})

    with pytest.raises(RouteExhausted):
        await router.stream(replace(question(), refused_degradations=no_fallback))

    assert router.targets["b"].calls == []


@pytest.mark.parametrize(
    "refusal",
    [
        ErrorClass.UNSUPPORTED,
        ErrorClass.CONTEXT_LENGTH,
        ErrorClass.MODEL_GONE,
        ErrorClass.CALLER_FAULT,
    ],
)
@virtual_time.test
async def test_what_a_fallback_refuses_does_not_hide_why_it_was_asked(
    stage: type[Stage], refusal: ErrorClass
) -> None:
    """BerriAI/litellm#27967, #30242: the caller saw the fallback's 400, not the outage."""
    router = stage(a=(BUSY,), b=(AttemptFailed(refusal, "not here"),))

    error = await router.refused()

    assert isinstance(error, RouteExhausted)
    assert error.cause is ErrorClass.TRANSIENT


@virtual_time.test
async def test_without_a_next_hop_nobody_speaks_of_a_budget(stage: type[Stage]) -> None:
    """tashfeenahmed/freellmapi#676: "budget exceeded" where there was no next route."""
    router = stage(a=(BUSY,), tenant=TenantPolicy())

    error = await router.refused(within=30.0)

    assert isinstance(error, RouteExhausted)
    assert error.message == "no hop of the route could answer: a failed (transient)"


# Streams.


@virtual_time.test
async def test_a_tool_call_that_breaks_off_is_void_as_a_whole(stage: type[Stage]) -> None:
    """BerriAI/litellm#31067, #31089: the rest of another model's arguments was appended."""
    half = Delta(kind=BlockKind.TOOL_CALL, tool_name="pay", tool_call_id="1", text='{"euros": 1')
    whole = Delta(kind=BlockKind.TOOL_CALL, tool_name="pay", tool_call_id="2", text='{"euros": 9}')
    router = stage(a=(half,), b=(whole, DONE))

    events = await router.stream()

    resets = [each for each in events if isinstance(each, StreamReset)]
    assert [reset.from_block for reset in resets] == [0]
    assert events.index(half) < events.index(resets[0]) < events.index(whole)


@virtual_time.test
async def test_a_rate_limit_in_mid_answer_is_no_endless_loop(stage: type[Stage]) -> None:
    """BerriAI/litellm#26015: it was retried without an end, at full load."""
    router = stage(
        a=("Good", limited(0.0)), b=("Hel", limited(0.0)), targets={"a": TWICE, "b": TWICE}
    )

    with pytest.raises(RouteExhausted):
        await router.stream()

    assert [len(each.calls) for each in router.targets.values()] == [1, 1]


@virtual_time.test
async def test_streams_that_break_off_open_the_breaker(stage: type[Stage]) -> None:
    """ferro-labs/ai-gateway#136: a stream that had begun was a success for ever."""
    router = stage(a=("Good mor", BUSY), b=("Hello", DONE))

    for _ in range(5):
        await router.stream()

    assert router.board.place("a").gates.health.state is State.OPEN


# Retries.


@pytest.mark.parametrize(("sent", "calls"), [(False, 2), (True, 1)])
@virtual_time.test
async def test_what_a_target_may_be_busy_with_is_not_sent_to_it_again(
    stage: type[Stage], *, sent: bool, calls: int
) -> None:
    """elixir-vibe/llm_proxy#4: an uncertain failure was repeated, and billed twice."""
    uncertain = AttemptFailed(ErrorClass.UNKNOWN, "who knows", sent=sent)
    router = stage(a=(uncertain,), b=("hi", DONE), targets={"a": TWICE})

    await router.ask()

    assert len(router.targets["a"].calls) == calls


@virtual_time.test
async def test_a_target_without_capacity_is_left_at_once(stage: type[Stage]) -> None:
    """can1357/oh-my-pi#8926: without a hint nobody knows how long, so nobody waits."""
    router = stage(a=(limited(None),), b=("hi", DONE), targets={"a": TWICE})

    await router.ask()

    assert router.after() == 0.0
    assert len(router.targets["a"].calls) == 1


@virtual_time.test
async def test_without_a_network_targets_are_not_called_in_turns(stage: type[Stage]) -> None:
    """holon-run/holon#2922: A, B, A, B and so on, as fast as the machine could."""
    no_connection = AttemptFailed(ErrorClass.TRANSIENT, "no connection", sent=False)
    router = stage(a=(no_connection,), b=(no_connection,), tenant=TenantPolicy())

    for _ in range(10):
        await router.refused()

    assert [len(each.calls) for each in router.targets.values()] == [1, 1]


@pytest.mark.parametrize(
    "script",
    [
        (math.inf,),
        ("a word", math.inf),
        ("a word", *(0.9, "another") * 100),
        (limited(2.0),),
        (0.5, BUSY),
    ],
)
@virtual_time.test
async def test_nothing_outlasts_the_callers_deadline(stage: type[Stage], script: Script) -> None:
    """caura-ai/caura#862: limits that each made sense added up to more than the caller had."""
    special = dict.fromkeys("abc", TWICE)
    router = stage(a=script, b=script, c=script, targets=special, tenant=TenantPolicy())

    await router.refused(within=7.0)

    assert router.after() <= 7.0


# Cooldown and breaker.


@virtual_time.test
async def test_a_fallback_that_keeps_failing_is_taken_out_too(stage: type[Stage]) -> None:
    """BerriAI/litellm#31876, #34508, #35104: only the first target was ever cooled down."""
    router = stage(a=(BUSY,), b=(BUSY,), c=("hi", DONE))

    for _ in range(5):
        await router.ask()

    assert router.board.place("a").gates.health.state is State.OPEN
    assert router.board.place("b").gates.health.state is State.OPEN


@virtual_time.test
async def test_when_all_are_shut_the_caller_is_told_the_soonest_time(stage: type[Stage]) -> None:
    """BerriAI/litellm#27823, #30098: no Retry-After while everything was cooling down."""
    router = stage(a=(limited(60.0),), b=(limited(30.0),), tenant=TenantPolicy())
    await router.refused()

    error = await router.refused()

    assert error.retry_after == pytest.approx(30.0)


@virtual_time.test
async def test_each_target_has_thresholds_of_its_own(stage: type[Stage]) -> None:
    """BerriAI/litellm#34416: one number of allowed failures for all of them."""
    router = stage(a=(BUSY,), b=(BUSY,), c=("hi", DONE), targets={"a": TOUCHY})

    await router.ask()

    assert router.board.place("a").gates.health.state is State.OPEN
    assert router.board.place("b").gates.health.state is State.CLOSED


@virtual_time.test
async def test_a_thousand_callers_at_once_all_get_an_answer(stage: type[Stage]) -> None:
    """vllm-project/production-stack#448: the router ended under a thousand callers."""
    router = stage(a=(math.inf,), b=(0.5, "hi", DONE), hops=("a", "b", "mock"))

    async with router.supervised(), asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(router.ask()) for _ in range(1000)]

    assert {each.result().finished.served_by for each in callers} == {"b", "mock"}
    assert [each.running for each in router.targets.values()] == [0, 0]
