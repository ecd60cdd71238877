"""Every hop is a span, in the words of the reply; what people said is in none of them."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.telemetry import Kind
from failsoft_kit.telemetry.span import MOST_EVENTS
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.spans import Link
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.core.policy import BreakerPolicy, Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Stage

DONE = Ending(
    finish_reason=FinishReason.LENGTH, model="a-2026", usage=Usage(input_tokens=3, output_tokens=5)
)
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed", http_status=503)
FALLBACK_OF = {"failsoft.link": "fallback_of"}


class NoKey:
    """A credential that is not there."""

    def value(self) -> str | None:
        return None


@virtual_time.test
async def test_a_walk_is_a_tree_of_hops_and_attempts(stage: type[Stage]) -> None:
    router = stage(
        a=("no", DONE), b=(0.2, BUSY), c=(0.5, "hi", 0.25, DONE), credentials={"a": NoKey()}
    )

    answer = await router.ask()

    walk = router.spans.one("failsoft.walk")
    assert walk.kind is Kind.INTERNAL
    assert walk.error is None
    assert walk.attributes == {
        "failsoft.walk.id": "walk-1",
        "failsoft.route": "chat",
        "failsoft.served_by": "c",
        "failsoft.degradation": "fallback_target",
        "failsoft.fallback.used": True,
    }
    assert f"{walk.context.trace_id:032x}" == answer.finished.trace_id

    skipped, failed, served = router.spans.named("failsoft.hop")
    assert {hop.parent for hop in (skipped, failed, served)} == {"failsoft.walk"}
    assert skipped.attributes == {
        "failsoft.hop.target": "a",
        "failsoft.hop.position": 1,
        "failsoft.hop.place": "route_order",
        "failsoft.hop.outcome": "skipped",
        "failsoft.hop.skip_reason": "no_credential",
        "failsoft.breaker.state": "closed",
        "failsoft.deadline.remaining": 120.0,
    }
    assert (skipped.error, skipped.links) == (None, ())
    assert failed.attributes == {
        "failsoft.hop.target": "b",
        "failsoft.hop.position": 2,
        "failsoft.hop.place": "route_order",
        "failsoft.hop.outcome": "failed",
        "failsoft.error.class": "transient",
        "failsoft.breaker.state": "closed",
        "failsoft.deadline.remaining": 120.0,
        "error.type": "transient",
    }
    assert failed.links == (Link(to="failsoft.hop", attributes=FALLBACK_OF),)
    assert served.attributes["failsoft.hop.outcome"] == "served"
    assert served.attributes["failsoft.deadline.remaining"] == pytest.approx(119.8)
    assert served.duration == 0.75


@virtual_time.test
async def test_a_skipped_hop_says_which_gate_was_shut_and_until_when(stage: type[Stage]) -> None:
    router = stage(
        a=(BUSY,), b=("hi", DONE), targets={"a": {"breaker": BreakerPolicy(consecutive_failures=1)}}
    )
    await router.ask()
    router.spans.clear()
    await asyncio.sleep(2.0)

    await router.ask(within=9.0)

    skipped, _ = router.spans.named("failsoft.hop")
    assert skipped.attributes["failsoft.hop.skip_reason"] == "circuit_open"
    assert skipped.attributes["failsoft.breaker.state"] == "open"
    assert skipped.attributes["failsoft.gate.due_in"] == pytest.approx(3.0)
    assert skipped.attributes["failsoft.deadline.remaining"] == 9.0


@virtual_time.test
async def test_a_second_attempt_links_to_the_one_before(stage: type[Stage]) -> None:
    router = stage(a=[(BUSY,), ("hi", DONE)], targets={"a": {"attempts": 2}})

    await router.ask()

    first, second = router.spans.named("chat a-model")
    assert first.links == ()
    assert second.links == (Link(to="chat a-model", attributes={"failsoft.link": "retry_of"}),)
    (hop,) = router.spans.named("failsoft.hop")
    assert (hop.error, hop.links) == (None, ())


@virtual_time.test
async def test_a_provider_is_named_as_opentelemetry_names_it(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), targets={"a": {"provider": Provider.GEMINI}})

    await router.ask()

    attempt = router.spans.one("chat a-model")
    assert attempt.attributes["gen_ai.provider.name"] == "gcp.gemini"


@virtual_time.test
async def test_an_attempt_says_what_was_asked_and_what_came(stage: type[Stage]) -> None:
    router = stage(a=(0.5, "hi", 0.25, DONE))

    await router.ask()

    attempt = router.spans.one("chat a-model")
    assert (attempt.kind, attempt.parent) == (Kind.CLIENT, "failsoft.hop")
    assert attempt.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "a-model",
        "gen_ai.request.stream": True,
        "server.address": "a.example.com",
        "server.port": 443,
        "failsoft.attempt.id": "walk-1/1/1",
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.response.model": "a-2026",
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 5,
    }
    assert [event.name for event in attempt.events] == ["failsoft.first_content"]
    assert router.spans.one("failsoft.walk").attributes["failsoft.fallback.used"] is False
    (call,) = router.targets["a"].calls
    assert call.span == attempt.context


@virtual_time.test
async def test_a_failed_attempt_says_why(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("x", math.inf), c=("hi", DONE))

    await router.ask()

    busy = router.spans.one("chat a-model")
    assert busy.error == "transient"
    assert busy.attributes["http.response.status_code"] == 503
    stalled = router.spans.one("chat b-model")
    assert stalled.error == "stall"
    assert "http.response.status_code" not in stalled.attributes


@virtual_time.test
async def test_a_walk_without_an_answer_is_a_failed_span(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,))

    error = await router.refused()

    walk = router.spans.one("failsoft.walk")
    assert walk.error == "ROUTE_EXHAUSTED"
    assert f"{walk.context.trace_id:032x}" == error.trace_id


@virtual_time.test
async def test_a_router_that_starts_over_without_an_end_fills_no_memory(
    stage: type[Stage],
) -> None:
    reset = StreamReset(reason=ErrorClass.TRUNCATED)
    router = stage(a=(*(reset for _ in range(1000)), "hi", DONE))

    await router.stream()

    assert 0 < len(router.spans.one("failsoft.walk").events) <= MOST_EVENTS


@virtual_time.test
async def test_look_ups_are_spans_where_they_happen(stage: type[Stage]) -> None:
    router = stage(a=[("hi", DONE), (BUSY,)], hops=("a", "cache"))
    await router.ask()
    router.spans.clear()

    await router.ask()

    first, last = router.spans.named("failsoft.cache.v1.CacheService/Lookup")
    assert (first.kind, first.parent) == (Kind.CLIENT, "failsoft.walk")
    assert first.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "failsoft.cache.v1.CacheService/Lookup",
        "failsoft.cache.status": "miss",
    }
    assert last.parent == "failsoft.hop"
    assert last.attributes["failsoft.cache.status"] == "hit_stale"
    assert last.attributes["failsoft.cache.age"] == 0.0


@virtual_time.test
async def test_nothing_that_was_asked_or_answered_is_in_a_span_or_an_error(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(a=("canary-answer", BUSY), hops=("a", "cache"))

    error = await router.refused(question("canary-question"))

    assert "canary" not in repr((error.message, error.hops, dict(error.metadata)))
    assert "canary" not in repr(router.spans.all())


@virtual_time.test
async def test_an_answer_is_stored_for_its_walk(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), hops=("a", "cache"))

    await router.ask()

    assert router.cache.kept_for == [router.spans.one("failsoft.walk").context]


@virtual_time.test
async def test_a_crash_of_the_front_door_leaves_no_span_open(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))

    async def crash(event: Event) -> None:
        if isinstance(event, Delta):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await router.stream(reader=crash)

    assert {span.name: span.error for span in router.spans.all()} == {
        "caller": None,
        "failsoft.walk": "RuntimeError",
        "failsoft.cache.v1.CacheService/Lookup": None,
        "failsoft.hop": "unknown",
        "chat a-model": None,
    }
