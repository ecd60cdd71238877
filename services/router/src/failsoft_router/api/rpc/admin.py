"""RouterAdminService: what an operator sees and does."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2_grpc as pb_grpc
from failsoft_kit.call import current
from failsoft_kit.clock import Clock
from failsoft_kit.wire.inference import CAPABILITY, ERROR_CLASS, fill_duration
from failsoft_router.app.board import Boards, Place
from failsoft_router.app.check import CheckResult, check_target
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import Provider, RoutePolicy, TargetKind

if TYPE_CHECKING:
    import grpc

    Targets = grpc.aio.ServicerContext[pb.ListTargetsRequest, Awaitable[pb.ListTargetsResponse]]
    Routes = grpc.aio.ServicerContext[pb.ListRoutesRequest, Awaitable[pb.ListRoutesResponse]]
    Checking = grpc.aio.ServicerContext[pb.CheckTargetRequest, Awaitable[pb.CheckTargetResponse]]

_STATES = {
    State.CLOSED: pb.BREAKER_STATE_CLOSED,
    State.OPEN: pb.BREAKER_STATE_OPEN,
    State.HALF_OPEN: pb.BREAKER_STATE_HALF_OPEN,
}
_KINDS = {
    TargetKind.REMOTE: pb.TARGET_KIND_REMOTE,
    TargetKind.GPU: pb.TARGET_KIND_GPU,
}
_RESULTS = {
    CheckResult.OK: pb.CHECK_RESULT_OK,
    CheckResult.NO_CREDENTIAL: pb.CHECK_RESULT_NO_CREDENTIAL,
    CheckResult.BAD_CREDENTIAL: pb.CHECK_RESULT_BAD_CREDENTIAL,
    CheckResult.NO_QUOTA: pb.CHECK_RESULT_NO_QUOTA,
    CheckResult.UNKNOWN_MODEL: pb.CHECK_RESULT_UNKNOWN_MODEL,
    CheckResult.NO_NETWORK: pb.CHECK_RESULT_NO_NETWORK,
    CheckResult.FAILED: pb.CHECK_RESULT_FAILED,
}


class AdminServicer(pb_grpc.RouterAdminServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, boards: Boards, *, clock: Clock, new_id: Callable[[], str]) -> None:
        self._boards = boards
        self._clock = clock
        self._new_id = new_id

    async def ListTargets(  # noqa: N802 - the name is the contract's
        self, request: pb.ListTargetsRequest, context: "Targets"
    ) -> pb.ListTargetsResponse:
        now = self._clock.now()
        return pb.ListTargetsResponse(
            targets=[_target(place, now) for place in self._boards.current.places()]
        )

    async def ListRoutes(  # noqa: N802
        self, request: pb.ListRoutesRequest, context: "Routes"
    ) -> pb.ListRoutesResponse:
        routes = self._boards.current.policy.routes.values()
        return pb.ListRoutesResponse(routes=[_route(route) for route in routes])

    async def CheckTarget(  # noqa: N802
        self, request: pb.CheckTargetRequest, context: "Checking"
    ) -> pb.CheckTargetResponse:
        call = current()
        with self._boards.hold() as board:
            check = await check_target(
                board.place(request.target),
                tenant=call.principal.tenant,
                attempt_id=f"{self._new_id()}/1/1",
                span=call.span,
                clock=self._clock,
            )
        response = pb.CheckTargetResponse(result=_RESULTS[check.result], detail=check.detail)
        if check.latency is not None:
            fill_duration(response.latency, check.latency)
        return response


def _target(place: Place, now: float) -> pb.Target:
    policy = place.policy
    return pb.Target(
        name=policy.name,
        provider=policy.provider.value,
        model=policy.model,
        endpoint=_without_path(policy.endpoint, policy.provider),
        kind=_KINDS[policy.kind],
        capabilities=sorted(CAPABILITY.number[each] for each in policy.capabilities),
        context_tokens=policy.context_tokens,
        has_credential=not place.lacks_credential,
        breaker=_breaker(place, now),
    )


def _breaker(place: Place, now: float) -> pb.Breaker:
    breaker, counts = place.gates.health, place.gates.health.counts(now)
    message = pb.Breaker(
        state=_STATES[breaker.state],
        consecutive_failures=breaker.consecutive_failures,
        window_calls=counts.calls,
        window_failures=counts.failures,
    )
    if place.last_error is not None:
        message.last_error = ERROR_CLASS.number[place.last_error]
    if breaker.state is not State.CLOSED:
        message.due_in.SetInParent()
        fill_duration(message.due_in, breaker.due_in(now))
    if breaker.transitions:
        fill_duration(message.last_transition_ago, now - breaker.changed_at)
    return message


def _route(route: RoutePolicy) -> pb.Route:
    message = pb.Route(
        name=route.name, hops=route.hops, serves=route.serves, is_default=route.default
    )
    fill_duration(message.deadline, route.deadline)
    return message


def _without_path(endpoint: str, provider: Provider) -> str:
    if provider is Provider.FAILSOFT:
        return endpoint
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"
