"""Calls to other services are told by how they ended, and belong to a trace."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc
import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.names import CLIENT_CALL_DURATION, RPC_CLIENT_NAMES
from failsoft_kit.telemetry import Meter, NameRegistry, SpanContext
from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.metrics import distribution, said

METHOD = "test.Echo/Say"
SPAN = SpanContext(trace_id=0xA, span_id=0xB, sampled=True)


class Calling:
    """Calls to one method, in virtual time."""

    def __init__(self) -> None:
        names = NameRegistry(strict=True)
        names.register(RPC_CLIENT_NAMES)
        self.meter = Meter(clock=LoopClock(), names=names)
        self.calls = ClientCalls(self.meter, [METHOD], clock=LoopClock())

    async def call(self, error: BaseException | None = None) -> None:
        """It takes two seconds and ends so."""
        with self.calls.measured(METHOD, SPAN):
            await asyncio.sleep(2.0)
            if error is not None:
                raise error

    def told(self) -> dict[tuple[str, ...], float]:
        """How long calls took, by status."""
        return {
            labels: distribution(self.meter, CLIENT_CALL_DURATION, *labels).sum
            for labels in said(self.meter, CLIENT_CALL_DURATION)
        }


@virtual_time.test
async def test_a_call_that_went_well_is_told_with_its_trace() -> None:
    calling = Calling()

    await calling.call()

    assert calling.told() == {("grpc", METHOD, "OK"): 2.0}
    kept = distribution(calling.meter, CLIENT_CALL_DURATION, "grpc", METHOD, "OK").exemplars
    assert [each.context for each in kept if each is not None] == [SPAN]


@virtual_time.test
async def test_a_call_that_failed_is_told_by_grpcs_status() -> None:
    calling = Calling()
    nothing = grpc.aio.Metadata()

    with pytest.raises(grpc.aio.AioRpcError):
        await calling.call(
            grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, nothing, nothing)
        )

    assert calling.told() == {("grpc", METHOD, "DEADLINE_EXCEEDED"): 2.0}


@virtual_time.test
async def test_a_stream_that_nobody_reads_to_its_end_was_cancelled() -> None:
    calling = Calling()

    async def pieces() -> AsyncGenerator[str, None]:
        with calling.calls.measured(METHOD):
            for piece in "ab":
                await asyncio.sleep(1.0)
                yield piece

    async with aclosing(pieces()) as stream:
        assert await anext(stream) == "a"

    assert calling.told() == {("grpc", METHOD, "CANCELLED"): 1.0}
