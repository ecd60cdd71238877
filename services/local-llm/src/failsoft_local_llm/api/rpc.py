"""`failsoft.inference.v1`, served by the local model. Translates; decides nothing."""
# ruff: noqa: N802 - the methods' names are the contract's

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit import call
from failsoft_kit.telemetry import format_traceparent
from failsoft_kit.wire.inference import CAPABILITY, decode_request, encode_answer, encode_event
from failsoft_kit.wire.requests import Holder
from failsoft_kit.wire.walks import fill_load
from failsoft_local_llm.app.answers import Answers, Offered
from failsoft_local_llm.core.order import Caller
from failsoft_local_llm.core.standing import State
from failsoft_local_llm.telemetry import ATTEMPT_ID, CHAT, OPERATION, REQUEST_MODEL, STREAMED
from failsoft_model.chat import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import grpc


class InferenceServicer(pb_grpc.InferenceServiceServicer):
    """Serves one model, and its adapters."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def Generate(
        self,
        request: pb.GenerateRequest,
        context: "grpc.aio.ServicerContext[pb.GenerateRequest, Awaitable[pb.GenerateResponse]]",
    ) -> pb.GenerateResponse:
        chat = self._chat(request, streamed=False)
        return encode_answer(await self._answers.whole(chat, _caller()))

    async def StreamGenerate(
        self,
        request: pb.StreamGenerateRequest,
        context: "grpc.aio.ServicerContext[pb.StreamGenerateRequest, pb.StreamGenerateResponse]",
    ) -> AsyncGenerator[pb.StreamGenerateResponse, None]:
        events = self._answers.stream(self._chat(request, streamed=True), _caller())
        async with aclosing(events):
            async for event in events:
                yield encode_event(event)

    async def CountTokens(
        self,
        request: pb.CountTokensRequest,
        context: "grpc.aio.ServicerContext[pb.CountTokensRequest, Awaitable[pb.CountTokensResponse]]",  # noqa: E501
    ) -> pb.CountTokensResponse:
        chat = _request(request)
        tokens = await self._answers.count_tokens(chat, _caller())
        return pb.CountTokensResponse(
            input_tokens=tokens, model=chat.model or self._answers.default_model
        )

    async def ListModels(
        self,
        request: pb.ListModelsRequest,
        context: "grpc.aio.ServicerContext[pb.ListModelsRequest, Awaitable[pb.ListModelsResponse]]",
    ) -> pb.ListModelsResponse:
        now = self._answers.offered()
        status = _status(now)
        return pb.ListModelsResponse(
            models=[
                pb.ModelInfo(
                    id=name,
                    kind="model",
                    context_tokens=now.context_tokens,
                    capabilities=sorted(CAPABILITY.number[each] for each in now.capabilities),
                    is_default=name == self._answers.default_model,
                    status=status,
                )
                for name in now.names
            ]
        )

    def _chat(self, holder: Holder, *, streamed: bool) -> ChatRequest:
        """The request for an answer, which the call's span is told of."""
        chat, span = _request(holder), call.current().span
        span.set(OPERATION, CHAT)
        span.set(REQUEST_MODEL, chat.model or self._answers.default_model)
        span.set(STREAMED, streamed)
        return chat


def _status(offered: Offered) -> pb.ModelStatus:
    now = offered.status
    status = pb.ModelStatus(
        serving=now.serving,
        why=now.why,
        answered_by=now.answered_by,
        degraded=now.degraded,
        profile=now.profile,
        engine=now.engine,
        tokens_per_second=offered.tokens_per_second,
        loading=now.state is State.LOADING,
    )
    fill_load(status.load, offered.load)
    return status


def _caller() -> Caller:
    """Who makes this call."""
    current = call.current()
    span = current.span
    return Caller(
        tenant=current.principal.tenant,
        id=current.attempt_id or current.request_id,
        trace_id=span.trace_id,
        traceparent=format_traceparent(span.context) if span.recording else "",
        deadline_at=current.deadline.at,
    )


def _request(holder: Holder) -> ChatRequest:
    """The caller's request, with an id."""
    request = decode_request(holder)
    current = call.current()
    if current.attempt_id is not None:
        current.span.set(ATTEMPT_ID, current.attempt_id)
    if request.request_id:
        return request
    return replace(request, request_id=current.request_id)
