"""A call whose answer is whole is not given up, although nobody waits for its end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.rpc.whole_call import let_end
from failsoft_kit.testing.echo import OPEN_TO_TENANTS, Echo, EchoStub
from failsoft_kit.testing.grpc import channel_to, service_of

pytestmark = pytest.mark.integration

WITHIN = 20.0
"""Seconds, on a machine that is busy."""


class Speaker:
    """Says one word, and ends its call when it may."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def say(self, request: StringValue, context: object) -> AsyncIterator[StringValue]:
        try:
            yield request
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.ended.put_nowait("cancelled")
            raise
        self.ended.put_nowait("by itself")

    async def end(self) -> str:
        async with asyncio.timeout(WITHIN):
            return await self.ended.get()


async def hear(stub: EchoStub) -> None:
    """Read its word, and leave it."""
    call = stub.stream(StringValue(value="a"))
    assert (await anext(aiter(call))).value == "a"
    let_end(call)


async def test_a_call_that_is_left_comes_to_its_own_end() -> None:
    speaker = Speaker()
    async with channel_to(
        service_of(Echo(stream=speaker.say).register, access=OPEN_TO_TENANTS)
    ) as channel:
        stub = EchoStub(channel)
        await hear(stub)
        await hear(stub)  # whatever was sent before this has arrived before it
        speaker.may_end.set()

        assert [await speaker.end(), await speaker.end()] == ["by itself", "by itself"]


async def test_a_call_that_does_not_end_is_cancelled_in_the_end() -> None:
    speaker = Speaker()
    async with channel_to(
        service_of(Echo(stream=speaker.say).register, access=OPEN_TO_TENANTS)
    ) as channel:
        await hear(EchoStub(channel))

        assert await speaker.end() == "cancelled"
