"""A replica of a model over real gRPC: it tells its load, and answers when it is let to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.rpc.status import to_status, trailing_metadata
from failsoft_kit.wire.inference import encode_event
from failsoft_model.errors import Overloaded
from failsoft_model.events import Delta, Finished, Started
from failsoft_model.walk import FinishReason, Load

MODEL = "llama"
CAPACITY = 4
RETRY_AFTER = 10.0
"""Seconds, where it refuses."""
_SERVICE = "failsoft.inference.v1.InferenceService"


class Replica:
    """One server.

    Attributes:
        address: `host:port`.
        calls: How often it was called.
        may_answer: Set; else whoever calls it has heard its first word and waits.
        others: Calls of others that it says are running.
        refuses: It has no room for anybody.
    """

    def __init__(self) -> None:
        self.address = ""
        self.calls = 0
        self.running = 0
        self.others = 0
        self.refuses = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._server: grpc.aio.Server | None = None
        self._called = asyncio.Condition()

    async def called(self, times: int) -> None:
        """Until it was called so often."""
        async with self._called:
            await self._called.wait_for(lambda: self.calls >= times)

    async def start(self, port: int = 0) -> None:
        """Listen; on the port of before, it is the same address again."""
        handler = grpc.unary_stream_rpc_method_handler(
            self._answer,
            pb.StreamGenerateRequest.FromString,
            pb.StreamGenerateResponse.SerializeToString,
        )
        self._server = grpc.aio.server()
        self._server.add_registered_method_handlers(_SERVICE, {"StreamGenerate": handler})
        port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()
        self.address = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        """End at once, and all calls with it."""
        if self._server is not None:
            await self._server.stop(None)

    async def _answer(
        self, request: pb.StreamGenerateRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.StreamGenerateResponse]:
        async with self._called:
            self.calls += 1
            self._called.notify_all()
        if self.refuses:
            status = to_status(Overloaded("the queue is full", retry_after=RETRY_AFTER))
            metadata = trailing_metadata(status)
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, status.message, metadata)
        self.running += 1
        try:
            yield encode_event(Started(walk_id="", route=MODEL, request_id="", load=self._load()))
            yield encode_event(Delta(text="Soft "))
            await self.may_answer.wait()
            yield encode_event(Delta(text="is good."))
            yield encode_event(
                Finished(
                    finish_reason=FinishReason.STOP,
                    served_by=MODEL,
                    model=MODEL,
                    load=self._load(),
                )
            )
        finally:
            self.running -= 1

    def _load(self) -> Load:
        return Load(running=self.running + self.others, capacity=CAPACITY)


@asynccontextmanager
async def replica() -> AsyncIterator[Replica]:
    """One that answers while the block runs."""
    made = Replica()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
