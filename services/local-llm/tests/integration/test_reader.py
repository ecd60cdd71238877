"""A reader that stops reading, over a real connection that takes no more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.identity import Access
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.testing.grpc import channel_to, service_of
from failsoft_local_llm.app import reader
from failsoft_local_llm.app.reader import followed
from failsoft_model.errors import Code

if TYPE_CHECKING:
    Streaming = grpc.aio.ServicerContext[pb.StreamGenerateRequest, pb.StreamGenerateResponse]

pytestmark = pytest.mark.integration

PIECE = "x" * 65_536
PATIENCE = 10.0


class Endless(pb_grpc.InferenceServiceServicer):
    """Has always more to say."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def StreamGenerate(  # noqa: N802 - the name is the contract's
        self, request: pb.StreamGenerateRequest, context: "Streaming"
    ) -> AsyncGenerator[pb.StreamGenerateResponse, None]:
        async with aclosing(followed(self._events())) as events:
            async for event in events:
                yield event

    async def _events(self) -> AsyncGenerator[pb.StreamGenerateResponse, None]:
        try:
            while True:
                yield pb.StreamGenerateResponse(delta=pb.Delta(text=PIECE))
        finally:
            self.closed.set()


async def test_what_was_held_for_a_reader_is_free_again_and_it_is_told_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "LONGEST_READ_SECONDS", 0.2)
    servicer = Endless()  # type: ignore[abstract]  # it answers one method
    methods = pb.DESCRIPTOR.services_by_name["InferenceService"]
    service = service_of(
        partial(pb_grpc.add_InferenceServiceServicer_to_server, servicer),
        access=access_table(methods, {each.name: Access.TENANT for each in methods.methods}),
    )
    async with channel_to(service) as channel:
        stub: pb_grpc.InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(channel)
        call = aiter(stub.StreamGenerate(pb.StreamGenerateRequest()))
        await anext(call)

        async with asyncio.timeout(PATIENCE):
            await servicer.closed.wait()
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                _ = [event async for event in call]

    told = from_rpc_error(raised.value)
    assert (told.code, told.reason) == (Code.ABORTED, "READER_STALLED")
