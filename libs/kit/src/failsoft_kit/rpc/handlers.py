"""What gRPC calls a handler, taken apart: reading the request, and answering it."""
# ruff: noqa: ANN401 - it hands through messages of any type

import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from failsoft_kit.rpc.running import RunningCall
from failsoft_model.errors import InvalidRequest

if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
else:
    # These are generic in the stubs only.
    Handler: TypeAlias = grpc.RpcMethodHandler
    Context: TypeAlias = grpc.aio.ServicerContext

Decode: TypeAlias = Callable[[bytes], Any]
Respond: TypeAlias = Callable[[Any, Context, RunningCall], Awaitable[bytes | None]]


def responder(handler: Handler) -> Respond:
    """The servicer's method, replies included: encoded if there is one, else written."""
    behaviour: Any = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    encode: Any = handler.response_serializer

    async def one(request: Any, context: Context, call: RunningCall) -> bytes | None:
        encoded: bytes = encode(await behaviour(request, context))
        return encoded

    async def stream(request: Any, context: Context, call: RunningCall) -> None:
        replies = behaviour(request, context)
        if inspect.isawaitable(replies):
            await replies
            return
        async with aclosing(replies):
            async for reply in replies:
                call.writing = True
                await context.write(reply)
                call.written()

    return stream if handler.response_streaming else one


def decoder(handler: Handler) -> Decode:
    """The handler's own, but a body that cannot be read is the caller's fault."""
    decode: Any = handler.request_deserializer
    message = getattr(decode, "__self__", None)
    descriptor = getattr(message, "DESCRIPTOR", None)
    type_name = getattr(descriptor, "full_name", "message")

    def checked(body: bytes) -> Any:
        try:
            return decode(body)
        except DecodeError:
            raise InvalidRequest(f"the body is not a valid {type_name}") from None

    return checked
