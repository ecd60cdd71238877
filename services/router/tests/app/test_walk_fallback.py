"""One target fails, the next one answers; the caller learns both."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ChatRequest, Degradation, Message, Role, Text
from failsoft_model.errors import Code
from failsoft_model.events import BlockKind, Delta
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome, SkipReason, Usage
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import CallerFault, ContentRefused, RouteExhausted, RouteNotFound
from failsoft_router.core.policy import Midstream, TenantPolicy
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.router.tests.app.conftest import Stage

DONE = Ending(
    finish_reason=FinishReason.STOP,
    model="served-model",
    usage=Usage(input_tokens=3, output_tokens=5),
    dropped_parameters=("sampling.top_k",),
)
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed (HTTP 503)", http_status=503)


@virtual_time.test
async def test_when_all_is_well_the_first_target_answers(stage: type[Stage]) -> None:
    router = stage(a=(0.5, "Hel", 0.1, "lo", 0.1, DONE), b=("no", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "Hello"
    finished = answer.finished
    assert finished.served_by == "a"
    assert finished.model == "served-model"
    assert finished.degradation is Degradation.NONE
    assert finished.finish_reason is FinishReason.STOP
    assert finished.usage == Usage(input_tokens=3, output_tokens=5)
    assert finished.dropped_parameters == ("sampling.top_k",)
    assert (finished.walk_id, finished.route, finished.request_id) == ("walk-1", "chat", "req-1")
    (hop,) = finished.hops
    assert (hop.position, hop.target, hop.outcome) == (1, "a", HopOutcome.SERVED)
    assert hop.latency == pytest.approx(0.7)
    (attempt,) = hop.attempts
    assert attempt.id == "walk-1/1/1"
    assert attempt.model == "a-model"
    assert attempt.error_class is None
    assert attempt.time_to_first_content == 0.5
    assert attempt.latency == pytest.approx(0.7)
    assert attempt.usage == finished.usage
    assert router.targets["b"].calls == []


@virtual_time.test
async def test_a_target_gets_the_callers_request_with_limits(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))

    await router.ask(within=30.0)

    (call,) = router.targets["a"].calls
    assert call.request.model == "chat"
    assert call.attempt_id == "walk-1/1/1"
    assert call.tenant == "acme"
    assert call.connect == 1.0
    assert call.total == pytest.approx(29.98)


@virtual_time.test
async def test_a_target_that_fails_is_followed_by_the_next(stage: type[Stage]) -> None:
    router = stage(a=(0.2, BUSY), b=(0.3, "hi", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "hi"
    assert answer.finished.served_by == "b"
    assert answer.finished.degradation is Degradation.FALLBACK_TARGET
    failed, served = answer.finished.hops
    assert failed.outcome is HopOutcome.FAILED
    assert failed.error_class is ErrorClass.TRANSIENT
    assert failed.detail == "the provider failed (HTTP 503)"
    assert failed.attempts[0].http_status == 503
    assert failed.attempts[0].time_to_first_content is None
    assert served.outcome is HopOutcome.SERVED
    assert served.position == 2
    assert served.started == pytest.approx(0.2)


@virtual_time.test
async def test_a_hang_costs_exactly_the_limit_to_first_content(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), b=("hi", DONE))

    answer = await router.ask()

    assert router.targets["b"].started == [router.began + 4.0]
    assert answer.finished.hops[0].error_class is ErrorClass.TIMEOUT_FIRST_CONTENT
    assert answer.finished.hops[0].detail == "no content within its limit"
    assert router.targets["a"].running == 0


@virtual_time.test
async def test_a_stall_costs_exactly_the_stall_limit(stage: type[Stage]) -> None:
    router = stage(a=(0.5, "Hel", math.inf), b=("Hello", DONE))

    answer = await router.ask()

    assert router.targets["b"].started == [router.began + 0.5 + 2.0]
    assert answer.finished.hops[0].error_class is ErrorClass.STALL
    assert answer.finished.hops[0].attempts[0].time_to_first_content == 0.5


@virtual_time.test
async def test_a_target_that_trickles_is_ended_at_its_total(stage: type[Stage]) -> None:
    router = stage(a=("x", 1.9) * 40, b=("hi", DONE))

    answer = await router.ask()

    assert router.targets["b"].started == [router.began + 60.0]
    assert answer.finished.hops[0].error_class is ErrorClass.TIMEOUT_TOTAL


@virtual_time.test
async def test_a_stream_that_stops_without_an_ending_is_truncated(stage: type[Stage]) -> None:
    """However complete it looks."""
    router = stage(a=("Hello.",), b=("Hello.", DONE))

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert answer.finished.hops[0].error_class is ErrorClass.TRUNCATED


@pytest.mark.parametrize(
    "cut",
    [
        ("Half of", math.inf),
        ("Half of",),
        ("Half of", BUSY),
    ],
)
def test_a_unary_caller_never_sees_half_an_answer(
    stage: type[Stage], cut: tuple[str | float | AttemptFailed, ...]
) -> None:
    """Whatever the route says about streams: nothing was sent yet."""

    async def walk() -> None:
        router = stage(a=cut, b=("All of it", DONE), route={"midstream": Midstream.FAIL})

        answer = await router.ask()

        assert answer.choice.message.text == "All of it"
        assert answer.finished.degradation is Degradation.FALLBACK_TARGET

    virtual_time.run(walk())


@virtual_time.test
async def test_an_answer_of_every_kind_of_block_is_assembled(stage: type[Stage]) -> None:
    call = Delta(
        text='{"n":', kind=BlockKind.TOOL_CALL, block=2, tool_call_id="c1", tool_name="weather"
    )
    router = stage(
        a=(
            Delta(text="Hm", kind=BlockKind.REASONING, block=0),
            Delta(text="m.", kind=BlockKind.REASONING, block=0),
            Delta(text="Let me see.", block=1),
            call,
            Delta(text="1}", kind=BlockKind.TOOL_CALL, block=2),
            DONE,
        )
    )

    choice = (await router.ask()).choice

    assert choice.reasoning == "Hmm."
    text, tool_call = choice.message.parts
    assert text == Text(text="Let me see.")
    assert (tool_call.id, tool_call.name) == ("c1", "weather")  # type: ignore[union-attr] # a call
    assert tool_call.arguments_json == '{"n":1}'  # type: ignore[union-attr]


@virtual_time.test
async def test_a_callers_own_fault_ends_the_walk_and_counts_against_nobody(
    stage: type[Stage],
) -> None:
    fault = AttemptFailed(ErrorClass.CALLER_FAULT, "the request is wrong", http_status=400)
    router = stage(a=(fault,), b=("hi", DONE))

    errors = [await router.refused() for _ in range(20)]

    error = errors[-1]
    assert isinstance(error, CallerFault)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == "the request is wrong"
    assert error.cause is ErrorClass.CALLER_FAULT
    assert [hop.outcome for hop in error.hops] == [HopOutcome.FAILED]
    assert error.retry_after is None
    assert router.targets["b"].calls == []
    assert router.board.place("a").gates.health.state is State.CLOSED


FILTERED = AttemptFailed(ErrorClass.CONTENT_FILTER, "the provider refused the content")


@virtual_time.test
async def test_a_content_refusal_ends_the_walk(stage: type[Stage]) -> None:
    """Asking the next provider until one gives in is not ours to decide."""
    router = stage(a=(FILTERED,), b=("hi", DONE))

    error = await router.refused()

    assert isinstance(error, ContentRefused)
    assert error.code is Code.FAILED_PRECONDITION
    assert error.cause is ErrorClass.CONTENT_FILTER
    assert router.targets["b"].calls == []


@virtual_time.test
async def test_a_route_may_look_further_after_a_content_refusal(stage: type[Stage]) -> None:
    router = stage(
        a=("Half of", FILTERED), b=("hi", DONE), route={"content_filter_falls_back": True}
    )

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert router.board.place("a").gates.health.consecutive_failures == 0


@virtual_time.test
async def test_when_nobody_can_answer_the_error_tells_every_hop_and_the_cause(
    stage: type[Stage],
) -> None:
    gone = AttemptFailed(ErrorClass.MODEL_GONE, "no such model", http_status=404)
    router = stage(a=(gone,), b=(BUSY,), hops=("a", "b", "cache", "mock"), tenant=TenantPolicy())

    error = await router.refused()

    assert isinstance(error, RouteExhausted)
    assert error.code is Code.UNAVAILABLE
    assert error.message == (
        "no hop of the route could answer: a failed (model_gone), b failed (transient), "
        "cache skipped (no_stored_answer), mock skipped (tenant_policy)"
    )
    assert error.cause is ErrorClass.MODEL_GONE
    assert [hop.target for hop in error.hops] == ["a", "b", "cache", "mock"]
    assert error.metadata == {"walkId": "walk-1", "route": "chat", "cause": "model_gone"}
    assert error.retry_after == 0.25
    assert len(error.trace_id) == 32


class NoKey:
    """A credential that is not there yet."""

    def value(self) -> str | None:
        return None


@virtual_time.test
async def test_a_target_without_its_credential_is_skipped_and_no_degradation(
    stage: type[Stage],
) -> None:
    """The same policy works with every key or one key: b is the best that there is."""
    router = stage(a=("no", DONE), b=("hi", DONE), credentials={"a": NoKey()})

    answer = await router.ask()

    assert answer.finished.served_by == "b"
    assert answer.finished.degradation is Degradation.NONE
    assert answer.finished.hops[0].skip_reason is SkipReason.NO_CREDENTIAL


@virtual_time.test
async def test_when_no_target_may_ever_be_tried_nobody_is_told_to_come_back(
    stage: type[Stage],
) -> None:
    router = stage(a=("no", DONE), credentials={"a": NoKey()})

    error = await router.refused()

    assert isinstance(error, RouteExhausted)
    assert error.cause is None
    assert "cause" not in error.metadata
    assert error.retry_after is None


@virtual_time.test
async def test_the_mock_answers_last_and_says_so(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), hops=("a", "cache", "mock"))

    answer = await router.ask()

    assert "mock answer" in answer.choice.message.text
    assert answer.finished.degradation is Degradation.MOCK
    assert (answer.finished.served_by, answer.finished.model) == ("mock", "mock")
    assert [hop.outcome for hop in answer.finished.hops] == [
        HopOutcome.FAILED,
        HopOutcome.SKIPPED,
        HopOutcome.SERVED,
    ]


@virtual_time.test
async def test_a_mock_that_is_cut_short_says_so(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=(BUSY,), hops=("a", "mock"))

    answer = await router.ask(question(max_tokens=3))

    assert answer.choice.message.text == "This is a"
    assert answer.finished.finish_reason is FinishReason.LENGTH


@virtual_time.test
async def test_a_model_that_no_route_serves_is_refused_before_anything_is_recorded(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=("hi", DONE), route={"default": False})

    with pytest.raises(RouteNotFound):
        await router.ask(question(model="nothing-like-it"))

    assert [span.name for span in router.spans.all()] == ["caller"]


@virtual_time.test
async def test_a_hop_whose_own_model_was_asked_for_comes_first_and_is_no_fallback(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=("a", DONE), b=("b", DONE))

    answer = await router.ask(question(model="b-model"))

    assert answer.finished.served_by == "b"
    assert answer.finished.degradation is Degradation.NONE


@virtual_time.test
async def test_walks_side_by_side_do_not_mix(stage: type[Stage]) -> None:
    router = stage(a=[(0.3, "one", DONE), (0.1, "two", DONE)])

    async with router.supervised(), asyncio.TaskGroup() as group:
        first = group.create_task(router.ask())
        second = group.create_task(router.ask())

    assert first.result().choice.message == Message(role=Role.ASSISTANT, parts=(Text(text="one"),))
    assert second.result().choice.message.text == "two"
    assert second.result().finished.walk_id == "walk-2"
