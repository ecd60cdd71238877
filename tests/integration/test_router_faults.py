"""Whatever the first provider does on the wire, the caller gets an answer and the truth."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest
from router_under_test import (
    QUICK_TO_NOTICE,
    Router,
    StartRouter,
    chat,
    hop_words,
    openai_target,
    two_hops,
)

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_model.errors import Code
from failsoft_upstream import Options, Style, Upstream, faults
from failsoft_upstream import running as upstream_running
from failsoft_upstream.faults import Cover, ErrorKind, Fault, Filler, FinishReason, Garble

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault, and what the hop's class becomes."""

    fault: Fault
    error: str

    @property
    def limits(self) -> dict[str, str]:
        """The first target's, under which the fault is noticed soon."""
        return QUICK_TO_NOTICE.get(self.error, {})


FALLS_BACK = {
    "500": Case(fault=faults.Status(status=500), error="TRANSIENT"),
    "503": Case(fault=faults.Status(status=503), error="TRANSIENT"),
    "529": Case(fault=faults.Status(status=529), error="TRANSIENT"),
    "redirect": Case(
        fault=faults.Status(status=302, headers={"location": "http://127.0.0.1:9/"}),
        error="UNKNOWN",
    ),
    "rate limit": Case(
        fault=faults.ProviderError(error=ErrorKind.RATE_LIMIT_EXCEEDED, retry_after=30.0),
        error="RATE_LIMITED",
    ),
    "no money": Case(fault=faults.ProviderError(error=ErrorKind.INSUFFICIENT_QUOTA), error="QUOTA"),
    "bad key": Case(
        fault=faults.ProviderError(error=ErrorKind.INVALID_API_KEY), error="CREDENTIAL"
    ),
    "no such model": Case(
        fault=faults.ProviderError(error=ErrorKind.MODEL_NOT_FOUND), error="MODEL_GONE"
    ),
    "region": Case(fault=faults.ProviderError(error=ErrorKind.UNSUPPORTED_REGION), error="REGION"),
    "too long": Case(
        fault=faults.ProviderError(error=ErrorKind.CONTEXT_LENGTH_EXCEEDED),
        error="CONTEXT_LENGTH",
    ),
    "reset": Case(fault=faults.Reset(), error="TRANSIENT"),
    "reset in mid-answer": Case(fault=faults.Reset(after=2), error="TRUNCATED"),
    "hang": Case(fault=faults.Hang(), error="TIMEOUT_FIRST_CONTENT"),
    "keep-alives only": Case(
        fault=faults.Slow(seconds=9.0, cover=Cover.KEEP_ALIVES), error="TIMEOUT_FIRST_CONTENT"
    ),
    "role only": Case(
        fault=faults.Slow(seconds=9.0, cover=Cover.ROLE), error="TIMEOUT_FIRST_CONTENT"
    ),
    "empty deltas only": Case(
        fault=faults.Slow(seconds=9.0, cover=Cover.EMPTY_DELTAS), error="TIMEOUT_FIRST_CONTENT"
    ),
    "stall": Case(fault=faults.Stall(after=2), error="STALL"),
    "cut": Case(fault=faults.Cut(after=2), error="TRUNCATED"),
    "cut at once": Case(fault=faults.Cut(after=0), error="TRUNCATED"),
    "bad JSON": Case(fault=faults.Malformed(after=0), error="MALFORMED"),
    "bad JSON in mid-answer": Case(fault=faults.Malformed(after=2), error="MALFORMED"),
    "bad UTF-8": Case(fault=faults.Malformed(after=0, form=Garble.UTF8), error="MALFORMED"),
    "JSON ten thousand levels deep": Case(
        fault=faults.Malformed(after=0, form=Garble.NESTED), error="MALFORMED"
    ),
    "gzip unasked": Case(fault=faults.Compressed(), error="MALFORMED"),
    "gzip bomb": Case(fault=faults.Compressed(blank=5_000_000), error="MALFORMED"),
    "line without an end": Case(fault=faults.Endless(filler=Filler.LINE), error="MALFORMED"),
    "text without an end": Case(fault=faults.Endless(filler=Filler.TEXT), error="MALFORMED"),
    "calls without an end": Case(fault=faults.Endless(filler=Filler.TOOL_CALLS), error="MALFORMED"),
    "keep-alives without an end": Case(
        fault=faults.Endless(filler=Filler.KEEP_ALIVES), error="TIMEOUT_FIRST_CONTENT"
    ),
    "empty deltas without an end": Case(
        fault=faults.Endless(filler=Filler.EMPTY_DELTAS), error="TIMEOUT_FIRST_CONTENT"
    ),
    "empty deltas after content": Case(
        fault=faults.Endless(filler=Filler.EMPTY_DELTAS, after=2), error="STALL"
    ),
    "error without an end": Case(
        fault=faults.Endless(filler=Filler.LINE, status=503), error="TRANSIENT"
    ),
    "error ten thousand levels deep": Case(
        fault=faults.Status(status=500, body="[" * 10_000 + "]" * 10_000), error="TRANSIENT"
    ),
    "error in a 200": Case(fault=faults.StreamError(after=0), error="TRANSIENT"),
    "error in mid-answer": Case(fault=faults.StreamError(after=2), error="TRANSIENT"),
    "empty": Case(fault=faults.Empty(), error="TRUNCATED"),
    "empty body": Case(fault=faults.EmptyBody(), error="TRUNCATED"),
    "not a stream": Case(fault=faults.ContentType(value="text/html"), error="MALFORMED"),
}

HARMLESS = {
    "no [DONE]": faults.NoDone(),
    "left open": faults.LeftOpen(),
    "one byte at a time": faults.Slice(size=1),
    "slow but in time": faults.Slow(seconds=0.05, cover=Cover.KEEP_ALIVES),
}


def anthropic(upstream: Upstream) -> dict[str, object]:
    """What makes a target of the policy one that speaks Anthropic's dialect."""
    return {
        "provider": "anthropic",
        "model": "claude-haiku-4-5",
        "endpoint": upstream.base_url,
    }


def gemini(upstream: Upstream) -> dict[str, object]:
    """What makes a target of the policy one that speaks Gemini's dialect."""
    return {
        "provider": "gemini",
        "model": "gemini-2.5-flash",
        "endpoint": upstream.gemini_url,
    }


Dialect = Callable[[Upstream], dict[str, object]]

other_dialects = pytest.mark.parametrize("dialect", [anthropic, gemini])
"""OpenAI's is the one that all the other tests speak."""


def cases() -> list[object]:
    return [pytest.param(case, id=name) for name, case in FALLS_BACK.items()]


@pytest.mark.parametrize("case", cases())
async def test_a_unary_caller_never_sees_the_fault(
    start_router: StartRouter, first: Upstream, second: Upstream, case: Case
) -> None:
    router = await start_router(two_hops(first, second, limits=case.limits))
    await first.set_fault(case.fault)

    reply = await router.ask()

    assert reply.finished.served_by == "second"
    assert reply.finished.degradation == chat_pb2.DEGRADATION_FALLBACK_TARGET
    assert hop_words(reply.finished.hops) == [
        ("first", "FAILED", case.error),
        ("second", "SERVED", ""),
    ]
    assert "gpt-5-nano" in reply.choices[0].message.parts[0].text
    assert "gpt-5-mini" not in reply.choices[0].message.parts[0].text


@pytest.mark.parametrize("case", cases())
async def test_a_streaming_caller_is_told_what_is_void(
    start_router: StartRouter, first: Upstream, second: Upstream, case: Case
) -> None:
    policy = two_hops(first, second, limits=case.limits)
    chat = {"default": True, "hops": ["first", "second"], "midstream": "restart"}
    router = await start_router({**policy, "routes": {"chat": chat}})
    await first.set_fault(case.fault)

    streamed = await router.stream()

    assert streamed.error is None
    kinds = [event.WhichOneof("event") for event in streamed.events]
    assert kinds.count("stream_reset") == ("delta" in kinds[: kinds.index("hop_update", 2)])
    assert "gpt-5-nano" in streamed.text
    assert "gpt-5-mini" not in streamed.text
    assert streamed.finished.served_by == "second"
    assert hop_words(streamed.finished.hops)[0] == ("first", "FAILED", case.error)


@other_dialects
@pytest.mark.parametrize("case", cases())
async def test_a_fault_is_the_same_in_another_dialect(
    start_router: StartRouter, first: Upstream, second: Upstream, case: Case, dialect: Dialect
) -> None:
    fields = dialect(first)
    router = await start_router(two_hops(first, second, **fields, limits=case.limits))
    await first.set_fault(case.fault)

    reply = await router.ask()

    assert hop_words(reply.finished.hops) == [
        ("first", "FAILED", case.error),
        ("second", "SERVED", ""),
    ]
    assert str(fields["model"]) not in reply.choices[0].message.parts[0].text


@pytest.mark.parametrize("fault", [pytest.param(f, id=name) for name, f in HARMLESS.items()])
async def test_what_is_no_fault_is_not_taken_for_one(
    router: Router, first: Upstream, fault: Fault
) -> None:
    await first.set_fault(fault)

    streamed = await router.stream()

    assert streamed.finished.served_by == "first"
    assert "gpt-5-mini" in streamed.text


@other_dialects
@pytest.mark.parametrize("fault", [pytest.param(f, id=name) for name, f in HARMLESS.items()])
async def test_what_is_no_fault_is_none_in_another_dialect(
    start_router: StartRouter, first: Upstream, second: Upstream, fault: Fault, dialect: Dialect
) -> None:
    fields = dialect(first)
    router = await start_router(two_hops(first, second, **fields))
    await first.set_fault(fault)

    streamed = await router.stream()

    assert streamed.finished.served_by == "first"
    assert str(fields["model"]) in streamed.text


@pytest.mark.parametrize(
    "fault",
    [
        faults.ProviderError(error=ErrorKind.CONTENT_FILTER),
        faults.Finish(reason=FinishReason.CONTENT_FILTER),
    ],
    ids=["prompt", "answer"],
)
@other_dialects
async def test_what_is_blocked_ends_the_walk_in_another_dialect(
    start_router: StartRouter, first: Upstream, second: Upstream, fault: Fault, dialect: Dialect
) -> None:
    """It may come with status 200, and is no illness of the target's."""
    router = await start_router(two_hops(first, second, **dialect(first)))
    await first.set_fault(fault)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()

    assert from_rpc_error(caught.value).reason == "CONTENT_REFUSED"
    targets = (await router.admin.ListTargets(admin_pb.ListTargetsRequest())).targets
    assert targets[0].breaker.consecutive_failures == 0


async def test_a_refused_connection_costs_next_to_nothing(
    start_router: StartRouter, second: Upstream
) -> None:
    async with upstream_running(Options(control_port=0)) as first:
        router = await start_router(two_hops(first, second))
        await first.set_fault(faults.Refuse())

        reply = await router.ask()

    assert hop_words(reply.finished.hops)[0] == ("first", "FAILED", "TRANSIENT")
    assert reply.finished.hops[0].latency.ToMilliseconds() < 2000


async def test_a_callers_own_fault_ends_the_walk(router: Router, first: Upstream) -> None:
    """No other provider would say anything else, and the caller wants to know."""
    body = '{"error": {"type": "invalid_request_error", "code": "invalid_value"}}'
    await first.set_fault(faults.Status(status=400, body=body))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()

    error = from_rpc_error(caught.value)
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["cause"] == "caller_fault"


async def test_a_content_refusal_ends_the_walk_unless_the_route_says_otherwise(
    router: Router, first: Upstream
) -> None:
    await first.set_fault(faults.ProviderError(error=ErrorKind.CONTENT_FILTER))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()

    error = from_rpc_error(caught.value)
    assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, "CONTENT_REFUSED")


@pytest.mark.parametrize(
    "refusal",
    [
        faults.ProviderError(error=ErrorKind.CONTENT_FILTER),
        faults.Finish(reason=faults.FinishReason.CONTENT_FILTER, after=1),
    ],
)
async def test_a_content_refusal_goes_on_where_the_route_says_so(
    start_router: StartRouter, first: Upstream, second: Upstream, refusal: Fault
) -> None:
    policy = two_hops(first, second)
    policy["routes"] = {
        "chat": {"default": True, "hops": ["first", "second"], "content_filter_falls_back": True}
    }
    router = await start_router(policy)
    await first.set_fault(refusal)

    reply = await router.ask()

    assert hop_words(reply.finished.hops) == [
        ("first", "FAILED", "CONTENT_FILTER"),
        ("second", "SERVED", ""),
    ]


async def test_everybody_out_is_unavailable_with_every_hop_and_a_hint(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    policy = two_hops(first, second)
    policy["tenants"] = {}
    router = await start_router(policy)
    await first.set_fault(faults.Status(status=503))
    await second.set_fault(faults.ProviderError(error=ErrorKind.INVALID_API_KEY))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()

    error = from_rpc_error(caught.value)
    assert (error.code, error.reason) == (Code.UNAVAILABLE, "ROUTE_EXHAUSTED")
    assert error.retry_after is not None
    assert error.retry_after > 0
    failure = walk_pb2.WalkFailure()
    assert error.details[0].Unpack(failure)
    assert failure.cause == walk_pb2.ERROR_CLASS_TRANSIENT
    assert hop_words(failure.hops) == [
        ("first", "FAILED", "TRANSIENT"),
        ("second", "FAILED", "CREDENTIAL"),
        ("mock", "SKIPPED", "TENANT_POLICY"),
    ]


async def test_an_open_breaker_skips_without_a_call(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    breaker = {"consecutive_failures": 2, "open_for": "60s", "open_cap": "60s"}
    limits = QUICK_TO_NOTICE["TIMEOUT_FIRST_CONTENT"]
    router = await start_router(two_hops(first, second, breaker=breaker, limits=limits))
    await first.set_fault(faults.Hang())
    await router.ask()
    await router.ask()
    calls = first.meter.calls

    reply = await router.ask()

    assert hop_words(reply.finished.hops)[0] == ("first", "SKIPPED", "CIRCUIT_OPEN")
    assert first.meter.calls == calls


async def test_the_first_target_is_back_after_its_open_time(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    breaker = {"consecutive_failures": 1, "open_for": "100ms", "good_probes": 1}
    router = await start_router(two_hops(first, second, breaker=breaker))
    await first.set_fault(faults.Status(status=500))
    await router.ask()
    await first.clear_fault()

    async with asyncio.timeout(5):
        while (await router.ask()).finished.served_by != "first":
            pass


async def test_a_cancelled_stream_hangs_up_on_the_provider(
    start_router: StartRouter, second: Upstream
) -> None:
    slow = Options(style=Style(chunks=1000, chunk_delay=0.01))
    async with upstream_running(slow) as first:
        router = await start_router(two_hops(first, second))
        call = router.stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat("Go on and on")))
        async for event in call:
            if event.HasField("delta"):
                call.cancel()
                break

        async with asyncio.timeout(1):
            await first.meter.wait_until(lambda meter: meter.cancelled == 1)


async def test_a_callers_short_deadline_counts_against_nobody(
    start_router: StartRouter, second: Upstream
) -> None:
    """One caller in a hurry would otherwise take the target from everybody."""
    late = Options(style=Style(first_delay=5.0))
    async with upstream_running(late) as first:
        policy = two_hops(first, second, breaker={"consecutive_failures": 1})
        router = await start_router(policy)

        await router.ask(timeout=0.5)

        targets = (await router.admin.ListTargets(admin_pb.ListTargetsRequest())).targets
    assert targets[0].breaker.consecutive_failures == 0
    assert targets[0].breaker.state == admin_pb.BREAKER_STATE_CLOSED


async def test_a_deadline_that_is_too_short_for_anybody_is_called_that(
    start_router: StartRouter,
) -> None:
    late = Options(style=Style(first_delay=5.0))
    async with upstream_running(late) as only:
        policy = {
            "targets": {"only": openai_target(only)},
            "routes": {"chat": {"default": True, "hops": ["only"]}},
        }
        router = await start_router(policy)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await router.ask(timeout=0.5)

    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_target_without_its_key_is_skipped(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    policy = two_hops(first, second, credential={"env": "NO_SUCH_KEY"})
    router = await start_router(policy)

    reply = await router.ask()

    assert hop_words(reply.finished.hops)[0] == ("first", "SKIPPED", "NO_CREDENTIAL")
    assert reply.finished.degradation == chat_pb2.DEGRADATION_NONE
    assert first.meter.calls == 0
