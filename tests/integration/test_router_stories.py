"""What users of other gateways saw, and must not see here: one test a story, on real sockets."""

import grpc
import pytest
from router_under_test import (
    QUICK_TO_NOTICE,
    Router,
    StartRouter,
    hop_words,
    openai_target,
    two_hops,
)

from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_upstream import Upstream, faults
from failsoft_upstream.faults import Cover, ErrorKind, Fault, Garble

pytestmark = pytest.mark.integration

SOON_MS = 5000
"""A limit of 300 ms has fired by then on a busy machine; the limits that hold by default,
10 s to the first content and 15 s between contents, have not."""


def only(upstream: Upstream, **fields: object) -> dict[str, object]:
    """A route that ends with its one target."""
    return {
        "targets": {"only": openai_target(upstream, **fields)},
        "routes": {"chat": {"default": True, "hops": ["only"]}},
    }


async def failures_in_a_row(router: Router) -> int:
    """What the first target's breaker has counted."""
    targets = (await router.admin.ListTargets(admin_pb.ListTargetsRequest())).targets
    return targets[0].breaker.consecutive_failures


@pytest.mark.parametrize(
    "fault",
    [faults.Cut(after=2), faults.Stall(after=2), faults.Malformed(after=2, form=Garble.JSON)],
    ids=lambda fault: fault.kind,
)
async def test_a_stream_that_is_cut_stalled_or_malformed_reaches_the_fallback(
    start_router: StartRouter, first: Upstream, second: Upstream, fault: Fault
) -> None:
    """Its status was 200, so the fallback got no request at all."""
    router = await start_router(two_hops(first, second, limits=QUICK_TO_NOTICE["STALL"]))
    await first.set_fault(fault)

    streamed = await router.stream()

    assert second.meter.calls == 1
    assert streamed.finished.served_by == "second"
    assert await failures_in_a_row(router) == 1


@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_inside_a_200_stream_counts_as_a_failure(
    router: Router, first: Upstream, after: int
) -> None:
    """It was handed on as an answer, and the target stayed in rotation."""
    await first.set_fault(faults.StreamError(after=after))

    streamed = await router.stream()

    assert streamed.finished.served_by == "second"
    assert await failures_in_a_row(router) == 1


async def test_a_provider_that_fails_when_its_stream_is_first_read_falls_back(
    router: Router, first: Upstream
) -> None:
    """The call was made at the first iteration, outside of everything that falls back."""
    await first.set_fault(faults.Reset())

    streamed = await router.stream()

    assert streamed.error is None
    assert streamed.finished.served_by == "second"


async def test_a_429_in_mid_stream_is_not_asked_again_and_again(
    router: Router, first: Upstream, second: Upstream
) -> None:
    """It was, for ever, at 100 % of a processor."""
    await first.set_fault(faults.StreamError(after=2, error=ErrorKind.RATE_LIMIT_EXCEEDED))

    streamed = await router.stream()

    assert hop_words(streamed.finished.hops)[0] == ("first", "FAILED", "RATE_LIMITED")
    assert (first.meter.calls, second.meter.calls) == (1, 1)


async def test_the_time_to_the_first_content_and_between_contents_can_be_limited(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """Wanted for years: only the whole call could be, which is no limit for a stream."""
    limits = QUICK_TO_NOTICE
    slow = await start_router(two_hops(first, second, limits=limits["TIMEOUT_FIRST_CONTENT"]))
    await first.set_fault(faults.Slow(seconds=9.0, cover=Cover.HEADERS))
    late = (await slow.ask()).finished.hops[0]
    stalling = await start_router(two_hops(first, second, limits=limits["STALL"]))
    await first.set_fault(faults.Stall(after=2))
    silent = (await stalling.ask()).finished.hops[0]

    assert hop_words([late, silent]) == [
        ("first", "FAILED", "TIMEOUT_FIRST_CONTENT"),
        ("first", "FAILED", "STALL"),
    ]
    assert all(300 <= hop.latency.ToMilliseconds() < SOON_MS for hop in (late, silent))


@pytest.mark.parametrize("after", [0, 2])
async def test_a_truncated_stream_never_ends_as_a_whole_answer(
    start_router: StartRouter, first: Upstream, after: int
) -> None:
    """It ended as a clean 200, and nobody could tell that half was missing."""
    router = await start_router(only(first))
    await first.set_fault(faults.Cut(after=after))

    streamed = await router.stream()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await router.ask()

    assert streamed.error is not None
    assert not any(event.HasField("finished") for event in streamed.events)
    for error in (streamed.error, caught.value):
        assert from_rpc_error(error).metadata["cause"] == "truncated"


async def test_an_error_after_the_first_chunk_is_retried_while_nothing_was_said(
    start_router: StartRouter, first: Upstream
) -> None:
    """A chunk that names the role was taken for content, and ended the request."""
    router = await start_router(only(first, attempts=2))
    await first.script([faults.Reset(after=0)])

    streamed = await router.stream()

    assert streamed.error is None
    assert first.meter.calls == 2
    assert not any(event.HasField("stream_reset") for event in streamed.events)
    assert "gpt-5-mini" in streamed.text


async def test_the_idle_timeout_fires_on_a_socket_that_stalls(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    """It was set, and never fired: the connection stayed open and silent."""
    router = await start_router(two_hops(first, second, limits=QUICK_TO_NOTICE["STALL"]))
    await first.set_fault(faults.Stall(after=2))

    streamed = await router.stream()

    stalled = streamed.finished.hops[0]
    assert hop_words([stalled]) == [("first", "FAILED", "STALL")]
    assert stalled.latency.ToMilliseconds() < SOON_MS
    await first.meter.wait_until(lambda meter: meter.cancelled == 1)


@pytest.mark.parametrize("cover", [Cover.KEEP_ALIVES, Cover.ROLE, Cover.EMPTY_DELTAS])
async def test_a_keep_alive_or_a_role_does_not_reset_the_timer_of_the_first_content(
    start_router: StartRouter, first: Upstream, second: Upstream, cover: Cover
) -> None:
    """Each of them did, so a target that never said a word was never late."""
    limits = QUICK_TO_NOTICE["TIMEOUT_FIRST_CONTENT"]
    router = await start_router(two_hops(first, second, limits=limits))
    await first.set_fault(faults.Slow(seconds=9.0, cover=cover, every=0.05))

    late = (await router.ask()).finished.hops[0]

    assert hop_words([late]) == [("first", "FAILED", "TIMEOUT_FIRST_CONTENT")]
    assert late.latency.ToMilliseconds() < SOON_MS


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
async def test_a_429_falls_back_in_a_stream_as_it_does_without(
    router: Router, first: Upstream, *, stream: bool
) -> None:
    """A filter for every 4xx stopped it, in streams only."""
    await first.set_fault(faults.ProviderError(error=ErrorKind.RATE_LIMIT_EXCEEDED))

    finished = (await router.stream()).finished if stream else (await router.ask()).finished

    assert hop_words(finished.hops) == [
        ("first", "FAILED", "RATE_LIMITED"),
        ("second", "SERVED", ""),
    ]
