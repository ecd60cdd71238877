"""The client for asyncio."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

import grpc

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_client.connection import CHANNEL_OPTIONS, DEFAULT_TIMEOUT, Tls, call_settings
from failsoft_client.errors import FailsoftRpcError, failure
from failsoft_client.question import Options, Question, chat_request
from failsoft_client.reply import Reply
from failsoft_client.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Client:
    """Asks one Failsoft router, or one local-llm; belongs to one event loop.

    Every method raises FailsoftRpcError when the call fails. Nothing is ever tried twice:
    trying is what the router does.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50050",
        *,
        timeout: float = DEFAULT_TIMEOUT,
        token: str | None = None,
        tenant: str | None = None,
        tls: Tls | None = None,
    ) -> None:
        """Connects when it is first used.

        Args:
            target: As gRPC names it: `127.0.0.1:50050`, `dns:///failsoft-router:50050`.
            timeout: Seconds for one call where the call gives none; over 0.
            token: The bearer token to show; None: none.
            tenant: Whom the calls are for, where the token may speak for others.
            tls: None: calls travel in the clear.
        """
        self._settings = call_settings(timeout=timeout, token=token, tenant=tenant)
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, tls.credentials, tls.options)
        self._stub = InferenceServiceStub(self._channel)

    async def generate(
        self, question: Question, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> Reply:
        """The whole answer.

        Args:
            question: A question, the messages of a conversation, or a request to complete.
            timeout: Seconds; None: the client's own.
            options: Fields of the request: `model="chat"`, `temperature=0`, …
        """
        request = pb.GenerateRequest(chat=chat_request(question, options))
        try:
            response = await self._stub.Generate(
                request,
                timeout=self._settings.timeout_or(timeout),
                metadata=self._settings.metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        return Reply(response)

    def stream(
        self, question: Question, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> "Stream":
        """The answer as it comes; leaving the `async with` block early stops it at the source.

        Arguments as for `generate`.
        """
        request = pb.StreamGenerateRequest(chat=chat_request(question, options))
        call = self._stub.StreamGenerate(
            request,
            timeout=self._settings.timeout_or(timeout),
            metadata=self._settings.metadata,
        )
        return Stream(call)

    async def count_tokens(
        self, question: Question, *, timeout: float | None = None, **options: Unpack[Options]
    ) -> pb.CountTokensResponse:
        """How long the request is. Arguments as for `generate`."""
        request = pb.CountTokensRequest(chat=chat_request(question, options))
        try:
            return await self._stub.CountTokens(
                request,
                timeout=self._settings.timeout_or(timeout),
                metadata=self._settings.metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error

    async def list_models(self, *, timeout: float | None = None) -> tuple[pb.ModelInfo, ...]:
        """What may be asked for as `model`."""
        try:
            response = await self._stub.ListModels(
                pb.ListModelsRequest(),
                timeout=self._settings.timeout_or(timeout),
                metadata=self._settings.metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        return tuple(response.models)

    async def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class Stream:
    """Iterates over the events of one answer; raises FailsoftRpcError when it breaks."""

    def __init__(
        self, call: "grpc.aio.UnaryStreamCall[pb.StreamGenerateRequest, pb.StreamGenerateResponse]"
    ) -> None:
        self._call = call
        self._events = aiter(call)
        self._transcript = Transcript()

    @property
    def text(self) -> str:
        """The text so far; what a StreamReset made void is gone from it."""
        return self._transcript.text

    @property
    def reply(self) -> Reply | None:
        """The whole answer; None until the last event has come."""
        response = self._transcript.response()
        return None if response is None else Reply(response)

    def cancel(self) -> None:
        """Stop the answer at its source; of one that has ended, nothing."""
        self._call.cancel()

    def __aiter__(self) -> "AsyncIterator[pb.StreamGenerateResponse]":
        return self

    async def __anext__(self) -> pb.StreamGenerateResponse:
        try:
            event = await anext(self._events)
        except grpc.aio.AioRpcError as error:
            raise failure(error) from error
        except asyncio.CancelledError:
            if _cancelling_this_task():
                raise
            # grpc.aio says the same of a call that was cancelled, which cancels nobody here.
            code = grpc.StatusCode.CANCELLED
            raise FailsoftRpcError(code=code, message="the stream was cancelled") from None
        self._transcript.apply(event)
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()


def _cancelling_this_task() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
