"""Whatever became of a walk, who asks later is told how it went and why."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.testing import virtual_time
from failsoft_model.chat import CacheControl
from failsoft_model.events import Finished
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.core.errors import RouteExhausted, RouteNotFound, TenantLimited, WalkNotFound
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import (
    BreakerPolicy,
    CachePolicy,
    Midstream,
    TenantLimits,
    TenantPolicy,
)
from failsoft_router.core.walk_key import KeyKind, WalkKey
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from services.router.tests.app.conftest import Stage

    Question = Callable[..., ChatRequest]

DONE = Ending(
    finish_reason=FinishReason.STOP, model="m-1", usage=Usage(input_tokens=3, output_tokens=5)
)
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed", http_status=503)
TOUCHY = BreakerPolicy(consecutive_failures=1, probes=1, good_probes=1)
SECRET = "the very words of the question"


async def explained(
    router: Stage, walk_id: str = "walk-1", kind: KeyKind = KeyKind.WALK
) -> pb.Explanation:
    told = await router.explanations.find(WalkKey(kind=kind, id=walk_id))
    return pb.Explanation.FromString(told.explanation)


def events(explanation: pb.Explanation) -> list[tuple[str, str]]:
    return [(pb.AnswerEventKind.Name(each.kind), each.target) for each in explanation.events]


@virtual_time.test
async def test_a_walk_that_went_well_tells_who_asked_who_answered_and_who_was_next(
    stage: type[Stage],
) -> None:
    router = stage(hops=["a", "b", "mock"], a=(0.5, "hi", 0.25, DONE), b=("hi", DONE))
    finished = (await router.ask(within=30.0)).finished

    walk = await explained(router)

    assert (walk.tenant, walk.request_id, walk.route) == ("acme", "req-1", "chat")
    assert (walk.policy, walk.replica, walk.trace_id) == (
        "d1ge57",
        "replica-1",
        finished.trace_id,
    )
    assert walk.began.ToMicroseconds() == round((router.clock.unix() - 0.75) * 1e6)
    assert walk.took.ToMilliseconds() == 750
    assert walk.deadline.ToMilliseconds() == 30_000
    assert walk.complete
    assert [(each.target, each.reached) for each in walk.plan] == [
        ("a", True),
        ("b", False),
        ("mock", False),
    ]
    assert all(each.next.would_be_tried for each in walk.plan[1:])
    (hop,) = walk.hops
    assert hop.look.breaker.state == pb.BREAKER_STATE_CLOSED
    assert [gate.shut for gate in hop.look.gates] == [False] * 6
    assert hop.look.left.ToMilliseconds() == 30_000
    attempt = hop.hop.attempts[0]
    assert attempt.time_to_first_content.ToMilliseconds() == 500
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens) == (3, 5)
    assert (walk.end.served_by, walk.end.model) == ("a", "m-1")
    assert walk.end.degradation == chat_pb2.DEGRADATION_NONE
    assert walk.end.finish_reason == walk_pb2.FINISH_REASON_STOP
    assert not walk.end.error_reason


@virtual_time.test
async def test_a_fallback_tells_what_was_wrong_with_each_attempt(stage: type[Stage]) -> None:
    router = stage(a=(1.0, BUSY), b=(0.5, "hi", DONE), targets={"a": {"attempts": 2}})
    await router.ask()

    walk = await explained(router)

    first, second = walk.hops[0].hop.attempts
    assert {first.detail, second.detail} == {"the provider failed"}
    assert (first.http_status, second.http_status) == (503, 503)
    assert second.started.ToMilliseconds() > first.latency.ToMilliseconds()
    assert walk.end.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET
    assert not walk.HasField("deadline")
    assert walk.patience.ToSeconds() > 0


@virtual_time.test
async def test_a_shut_gate_is_told_as_it_was_then_and_not_as_it_is_now(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE), b=("hi", DONE))
    isolation, now = router.board.place("a").gates.isolation, router.clock.now()
    order = IsolationOrder(since=now, until=now + 60.0, actor="ada", reason="a new driver")
    isolation.isolate(order)
    await router.ask()
    isolation.release(router.clock.now())
    await asyncio.sleep(10.0)

    walk = await explained(router)

    hop = walk.hops[0]
    assert hop.hop.skip_reason == walk_pb2.SKIP_REASON_ISOLATED
    isolated = hop.look.gates[0]
    assert isolated.shut
    assert isolated.due_in.ToMilliseconds() == 60_000
    assert "ada" in isolated.detail


@virtual_time.test
async def test_an_open_breaker_says_when_its_probe_was_due(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=("hi", DONE), targets={"a": {"breaker": TOUCHY}})
    await router.ask()
    await router.ask()

    look = (await explained(router, "walk-2")).hops[0].look

    assert look.breaker.state == pb.BREAKER_STATE_OPEN
    assert look.breaker.due_in.ToMilliseconds() > 0
    assert look.breaker.last_error == walk_pb2.ERROR_CLASS_TRANSIENT


@virtual_time.test
async def test_who_was_not_reached_and_shut_says_what_would_have_kept_it_out(
    stage: type[Stage],
) -> None:
    router = stage(
        a=[(BUSY,), ("hi", DONE)], b=(BUSY,), c=("hi", DONE), targets={"b": {"breaker": TOUCHY}}
    )
    await router.ask()
    await router.ask()

    b, c = (await explained(router, "walk-2")).plan[1:]

    assert (b.reached, b.next.would_be_tried) == (False, False)
    assert b.next.skip_reason == walk_pb2.SKIP_REASON_CIRCUIT_OPEN
    assert b.next.due_in.ToMilliseconds() > 0
    assert c.next.would_be_tried


@virtual_time.test
async def test_a_walk_that_failed_tells_the_error_of_its_caller(stage: type[Stage]) -> None:
    router = stage(a=(BUSY,), b=(BUSY,))
    error = await router.refused()

    end = (await explained(router)).end

    assert (end.served_by, end.error_reason) == ("", "ROUTE_EXHAUSTED")
    assert end.error_detail == error.message


@virtual_time.test
async def test_a_caller_who_left_is_told_to_have_left(stage: type[Stage]) -> None:
    router = stage(a=(math.inf,), b=("hi", DONE))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await router.ask()

    walk = await explained(router)

    assert walk.end.error_reason == "CANCELLED"
    assert walk.hops[0].hop.error_class == walk_pb2.ERROR_CLASS_CANCELLED
    assert walk.plan[1].next.would_be_tried


@virtual_time.test
async def test_an_answer_that_went_on_elsewhere_says_where_it_broke_off(
    stage: type[Stage],
) -> None:
    router = stage(
        a=("Once upon a time ", 0.5, BUSY),
        b=("there was", DONE),
        route={"midstream": Midstream.CONTINUE},
    )
    await router.stream()

    walk = await explained(router)

    assert walk.streamed
    assert events(walk) == [("ANSWER_EVENT_KIND_GOES_ON", "a")]
    assert walk.events[0].characters == len("Once upon a time ")
    assert walk.events[0].at.ToMilliseconds() == 500


@virtual_time.test
async def test_an_answer_that_started_over_says_so(stage: type[Stage]) -> None:
    router = stage(
        a=("Once ", 0.5, BUSY), b=("Twice", DONE), route={"midstream": Midstream.RESTART}
    )
    await router.stream()

    assert events(await explained(router)) == [("ANSWER_EVENT_KIND_STARTS_OVER", "a")]


@virtual_time.test
async def test_an_answer_that_nobody_went_on_with_says_so(stage: type[Stage]) -> None:
    router = stage(a=("Once ", 0.5, BUSY), b=("x", DONE), route={"midstream": Midstream.FAIL})
    with pytest.raises(Exception, match="broke off"):
        await router.stream()

    walk = await explained(router)

    assert events(walk) == [("ANSWER_EVENT_KIND_BREAKS_OFF", "a")]
    assert walk.end.error_reason == "STREAM_BROKEN"


@virtual_time.test
async def test_a_stale_answer_tells_its_age(stage: type[Stage], question: Question) -> None:
    cache = CachePolicy(fresh_for=1.0, stale_if_error=3600.0)
    router = stage(hops=["a", "cache"], a=[("hi", DONE), (BUSY,)], route={"cache": cache})
    await router.ask(question())
    await asyncio.sleep(100.0)
    await router.ask(question())

    walk = await explained(router, "walk-2")

    assert walk.cache_status == walk_pb2.CACHE_STATUS_HIT_STALE
    assert 99 < walk.cache_age.ToSeconds() < 105
    assert walk.end.served_by == "cache"
    assert walk.end.degradation == chat_pb2.DEGRADATION_STALE_CACHE


@virtual_time.test
async def test_a_mock_is_told_as_one(stage: type[Stage]) -> None:
    router = stage(hops=["a", "mock"], a=(BUSY,))
    await router.ask()

    walk = await explained(router)

    assert walk.end.served_by == "mock"
    assert walk.end.degradation == chat_pb2.DEGRADATION_MOCK
    assert not walk.hops[1].HasField("look")


@virtual_time.test
async def test_a_call_that_was_left_behind_is_told_once_it_has_ended(stage: type[Stage]) -> None:
    probe = (3.0, AttemptFailed(ErrorClass.TRANSIENT, "it is still ill"))
    router = stage(
        a=[(BUSY,), probe], b=(0.2, "hi", DONE), targets={"a": {"breaker": TOUCHY}}, store=True
    )
    await router.ask()
    await asyncio.sleep(15.0)
    async with router.supervised():
        await router.ask()
        before = await explained(router, "walk-2")
        await asyncio.sleep(5.0)
        after = await explained(router, "walk-2")

    assert not before.complete
    assert before.hops[0].hop.outcome == walk_pb2.HOP_OUTCOME_PROBING
    assert after.complete
    assert after.hops[0].hop.outcome == walk_pb2.HOP_OUTCOME_FAILED
    assert after.hops[0].hop.attempts[-1].detail == "it is still ill"
    assert router.store is not None
    kept = [pb.Explanation.FromString(each.explanation()) for each in router.store.kept]
    assert [(each.walk_id, each.complete) for each in kept] == [
        ("walk-1", True),
        ("walk-2", False),
        ("walk-2", True),
    ]


@virtual_time.test
async def test_such_a_call_is_told_elsewhere_though_this_replica_has_forgotten_its_walk(
    stage: type[Stage],
) -> None:
    router = stage(
        a=[(BUSY,), (3.0, "hi", DONE)],
        b=(0.2, "hi", DONE),
        targets={"a": {"breaker": TOUCHY}},
        store=True,
        remembers=0,
    )
    await router.ask()
    await asyncio.sleep(15.0)
    async with router.supervised():
        await router.ask()
        before = await explained(router, "walk-2")
        await asyncio.sleep(5.0)
        after = await explained(router, "walk-2")

    assert not before.complete
    assert after.complete
    assert after.hops[0].hop.attempts[-1].model == "a-model"


@virtual_time.test
async def test_nothing_of_question_and_answer_is_remembered(
    stage: type[Stage], question: Question
) -> None:
    cache = CachePolicy(fresh_for=60.0, stale_if_error=3600.0)
    router = stage(a=(BUSY,), b=("an answer", DONE), route={"cache": cache})
    await router.stream(question(SECRET))
    await router.stream(question(SECRET, cache_control=CacheControl()))

    for walk_id in ("walk-1", "walk-2"):
        told = await router.explanations.find(WalkKey(kind=KeyKind.WALK, id=walk_id))
        assert SECRET.encode() not in told.explanation
        assert b"an answer" not in told.explanation


@virtual_time.test
async def test_each_id_leads_to_the_walk_and_the_others_of_the_id_are_named(
    stage: type[Stage],
) -> None:
    router = stage(a=("hi", DONE))
    trace_id = (await router.ask()).finished.trace_id
    await router.ask()

    for kind, id_ in ((KeyKind.TRACE, trace_id), (KeyKind.ANY, trace_id), (KeyKind.ANY, "walk-1")):
        assert (await explained(router, id_, kind)).walk_id == "walk-1"
    told = await router.explanations.find(WalkKey(kind=KeyKind.REQUEST, id="req-1"))
    assert pb.Explanation.FromString(told.explanation).walk_id == "walk-2"
    assert (told.others, told.from_store) == (["walk-1"], False)


@virtual_time.test
async def test_another_tenants_request_id_leads_nowhere(stage: type[Stage]) -> None:
    router = stage(a=("hi", DONE))
    await router.ask()

    with pytest.raises(WalkNotFound):
        await router.explanations.find(WalkKey(kind=KeyKind.REQUEST, id="req-1", tenant="rival"))


@virtual_time.test
async def test_who_is_not_found_is_told_how_far_back_is_remembered_and_what_to_do(
    stage: type[Stage],
) -> None:
    router = stage(a=("hi", DONE))
    await router.ask()
    await asyncio.sleep(90.0)

    with pytest.raises(WalkNotFound) as missing:
        await explained(router, "walk-9")

    assert missing.value.metadata == {"walks": "1", "sinceSeconds": "90"}
    assert "remembers 1, the oldest of which began 90 s ago" in missing.value.message
    assert "router.explain.valkey_url" in missing.value.message


@virtual_time.test
async def test_a_walk_of_another_replica_is_found_where_all_keep_theirs(
    stage: type[Stage],
) -> None:
    here, there = stage(a=("hi", DONE), store=True), stage(a=("hi", DONE), store=True)
    await there.ask()
    assert here.store is not None
    assert there.store is not None
    here.store.kept = there.store.kept

    told = await here.explanations.find(WalkKey(kind=KeyKind.ANY, id="req-1"))

    assert told.from_store
    assert pb.Explanation.FromString(told.explanation).walk_id == "walk-1"


@virtual_time.test
async def test_what_this_replica_remembers_is_told_while_the_others_cannot_be_asked(
    stage: type[Stage],
) -> None:
    router = stage(a=("hi", DONE), store=True)
    assert router.store is not None
    router.store.away = True
    await router.ask()

    assert (await explained(router)).walk_id == "walk-1"
    with pytest.raises(WalkNotFound, match="Valkey did not answer in time"):
        await explained(router, "walk-9")


@virtual_time.test
async def test_a_request_that_was_refused_before_it_had_a_route_has_no_walk(
    stage: type[Stage], question: Question
) -> None:
    limited = TenantPolicy(limits=TenantLimits(concurrent=1))
    router = stage(a=(1.0, "hi", DONE), tenant=limited, route={"default": False})
    with pytest.raises(RouteNotFound):
        await router.ask(question(model="nobody's"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(router.ask(question()))
        await asyncio.sleep(0.5)
        with pytest.raises(TenantLimited):
            await router.walker.answer(question(), router.caller())

    with pytest.raises(WalkNotFound, match="refused before it had a route"):
        await explained(router, "walk-2")


@virtual_time.test
async def test_a_mistake_in_remembering_a_walk_costs_nobody_an_answer(stage: type[Stage]) -> None:
    """The answer is whole by then: what is told of it for others is worth less than it."""
    router = stage(store=True, a=("hi", DONE))
    assert router.store is not None
    router.store.breaks = True

    answer = await router.ask()
    events = await router.stream()

    assert answer.choice.message.text == "hi"
    assert isinstance(events[-1], Finished)


@virtual_time.test
async def test_a_mistake_in_remembering_a_walk_hides_no_error(stage: type[Stage]) -> None:
    router = stage(store=True, a=(BUSY,))
    assert router.store is not None
    router.store.breaks = True

    assert isinstance(await router.refused(), RouteExhausted)
