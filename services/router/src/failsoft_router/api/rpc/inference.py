"""InferenceService, served by the router."""

from dataclasses import replace
from typing import TYPE_CHECKING

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.call import current
from failsoft_kit.wire.inference import (
    CAPABILITY,
    decode_request,
    encode_answer,
    encode_event,
)
from failsoft_kit.wire.requests import Holder
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Event
from failsoft_router.app.hops.surroundings import Caller
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.depth import check_depth
from failsoft_router.core.policy import Policy, RoutePolicy
from failsoft_router.core.route import route_for
from failsoft_router.core.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import grpc

    Generating = grpc.aio.ServicerContext[pb.GenerateRequest, Awaitable[pb.GenerateResponse]]
    Streaming = grpc.aio.ServicerContext[pb.StreamGenerateRequest, pb.StreamGenerateResponse]
    Counting = grpc.aio.ServicerContext[pb.CountTokensRequest, Awaitable[pb.CountTokensResponse]]
    Listing = grpc.aio.ServicerContext[pb.ListModelsRequest, Awaitable[pb.ListModelsResponse]]


class InferenceServicer(pb_grpc.InferenceServiceServicer):
    """Translates; decides nothing. Errors leave as FailsoftError."""

    def __init__(self, walker: Walker, boards: Boards) -> None:
        self._walker = walker
        self._boards = boards

    async def Generate(  # noqa: N802 - the name is the contract's
        self, request: pb.GenerateRequest, context: "Generating"
    ) -> pb.GenerateResponse:
        return encode_answer(await self._walker.answer(_request(request), _caller()))

    async def StreamGenerate(  # type: ignore[override]  # noqa: N802 - writes, not yields
        self, request: pb.StreamGenerateRequest, context: "Streaming"
    ) -> None:
        async def write(event: Event) -> None:
            await context.write(encode_event(event))

        await self._walker.stream(_request(request), _caller(), write)

    async def CountTokens(  # noqa: N802
        self, request: pb.CountTokensRequest, context: "Counting"
    ) -> pb.CountTokensResponse:
        chat = _request(request)
        route = route_for(self._boards.current.policy, chat.model)
        return pb.CountTokensResponse(
            input_tokens=estimate_tokens(chat), model=route.name, estimated=True
        )

    async def ListModels(  # noqa: N802
        self, request: pb.ListModelsRequest, context: "Listing"
    ) -> pb.ListModelsResponse:
        policy = self._boards.current.policy
        routes = sorted(policy.routes.values(), key=lambda route: route.name)
        return pb.ListModelsResponse(models=[_model(policy, route) for route in routes])


def _model(policy: Policy, route: RoutePolicy) -> pb.ModelInfo:
    targets = [policy.targets[hop] for hop in route.hops if hop in policy.targets]
    capabilities = {each for target in targets for each in target.capabilities}
    return pb.ModelInfo(
        id=route.name,
        kind="route",
        context_tokens=max((target.context_tokens for target in targets), default=0),
        capabilities=sorted(CAPABILITY.number[each] for each in capabilities),
        serves=route.serves,
        is_default=route.default,
    )


def _request(holder: Holder) -> ChatRequest:
    request = decode_request(holder)
    return request if request.request_id else replace(request, request_id=current().request_id)


def _caller() -> Caller:
    call = current()
    check_depth(call.depth)
    return Caller(tenant=call.principal.tenant, deadline=call.deadline, span=call.span)
