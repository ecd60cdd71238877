"""A gRPC service of two methods whose behaviour a test gives, and its client."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from failsoft_kit.identity import Access

SERVICE = "failsoft.test.Echo"
UNARY = f"{SERVICE}/Unary"
STREAM = f"{SERVICE}/Stream"
OPEN_TO_TENANTS = {UNARY: Access.TENANT, STREAM: Access.TENANT}

Context = object


async def _echo(request: StringValue, context: Context) -> StringValue:
    return request


async def _echo_letters(request: StringValue, context: Context) -> AsyncIterator[StringValue]:
    for letter in request.value:
        yield StringValue(value=letter)


class Echo:
    """What it is asked comes back, whole or letter by letter, unless the test says otherwise."""

    def __init__(
        self,
        *,
        unary: Callable[[StringValue, Any], Awaitable[StringValue]] = _echo,
        stream: Callable[[StringValue, Any], object] = _echo_letters,
    ) -> None:
        """
        Args:
            stream: An async generator, or a coroutine function that writes to its context.
        """
        self._unary = unary
        self._stream = stream

    def register(self, server: grpc.aio.Server) -> None:
        """Add both methods, as generated code would."""
        server.add_registered_method_handlers(
            SERVICE,
            {
                "Unary": grpc.unary_unary_rpc_method_handler(
                    self._unary, StringValue.FromString, StringValue.SerializeToString
                ),
                "Stream": grpc.unary_stream_rpc_method_handler(
                    self._stream, StringValue.FromString, StringValue.SerializeToString
                ),
            },
        )


class EchoStub:
    """Calls an `Echo`. The methods take gRPC's own keywords: `timeout`, `metadata`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.unary: grpc.aio.UnaryUnaryMultiCallable[StringValue, StringValue]
        self.unary = channel.unary_unary(
            f"/{UNARY}",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        self.stream: grpc.aio.UnaryStreamMultiCallable[StringValue, StringValue]
        self.stream = channel.unary_stream(
            f"/{STREAM}",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
