"""The servicer of the admin port."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft.router.v1 import admin_service_pb2_grpc as pb_grpc
from failsoft_kit.call import current
from failsoft_kit.clock import Clock
from failsoft_kit.rpc.channel import FOLLOWING_METADATA
from failsoft_kit.wire.enums import SKIP_REASON, EnumMap
from failsoft_kit.wire.inference import fill_duration, fill_hop
from failsoft_router.api.rpc.admin.explanation import asked_walk, explained
from failsoft_router.api.rpc.admin.orders import isolation_order, releasing_actor
from failsoft_router.api.rpc.admin.targets import fill_target
from failsoft_router.app.calls.check import CheckResult, check_target
from failsoft_router.app.explain.explanations import Explanations
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.isolation import isolate, release
from failsoft_router.app.targets.state import state_of
from failsoft_router.app.telling.hop_feed import EndedHop, HopFeed
from failsoft_router.app.telling.target_watch import TargetWatch
from failsoft_router.core.errors import RouteNotFound
from failsoft_router.core.policy import RoutePolicy

if TYPE_CHECKING:
    import grpc

    Targets = grpc.aio.ServicerContext[pb.ListTargetsRequest, Awaitable[pb.ListTargetsResponse]]
    Watching = grpc.aio.ServicerContext[pb.WatchTargetsRequest, pb.WatchTargetsResponse]
    Isolating = grpc.aio.ServicerContext[
        pb.IsolateTargetRequest, Awaitable[pb.IsolateTargetResponse]
    ]
    Releasing = grpc.aio.ServicerContext[
        pb.ReleaseTargetRequest, Awaitable[pb.ReleaseTargetResponse]
    ]
    Routes = grpc.aio.ServicerContext[pb.ListRoutesRequest, Awaitable[pb.ListRoutesResponse]]
    Checking = grpc.aio.ServicerContext[pb.CheckTargetRequest, Awaitable[pb.CheckTargetResponse]]
    Reloading = grpc.aio.ServicerContext[pb.ReloadPolicyRequest, Awaitable[pb.ReloadPolicyResponse]]
    Following = grpc.aio.ServicerContext[pb.WatchHopsRequest, pb.WatchHopsResponse]
    Explaining = grpc.aio.ServicerContext[
        pb.ExplainRequestRequest, Awaitable[pb.ExplainRequestResponse]
    ]

_RESULT = EnumMap(CheckResult, pb.CheckResult)


class AdminServicer(pb_grpc.RouterAdminServiceServicer):
    """Translates; decides nothing."""

    def __init__(
        self,
        boards: Boards,
        *,
        watch: TargetWatch,
        feed: HopFeed,
        explanations: Explanations,
        reload: Callable[[], Awaitable[bool]],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """
        Args:
            reload: Reads the policy again, says whether it differs, raises PolicyRefused.
        """
        self._boards = boards
        self._watch = watch
        self._feed = feed
        self._explanations = explanations
        self._reload = reload
        self._clock = clock
        self._new_id = new_id

    async def ListTargets(  # noqa: N802 - the name is the contract's
        self, request: pb.ListTargetsRequest, context: "Targets"
    ) -> pb.ListTargetsResponse:
        response, now = pb.ListTargetsResponse(), self._clock.now()
        for state in self._watch.now():
            fill_target(response.targets.add(), state, now=now)
        return response

    async def WatchTargets(  # noqa: N802
        self, request: pb.WatchTargetsRequest, context: "Watching"
    ) -> AsyncIterator[pb.WatchTargetsResponse]:
        async for states in self._watch.changes():
            response, now = pb.WatchTargetsResponse(), self._clock.now()
            for state in states:
                fill_target(response.targets.add(), state, now=now)
            yield response

    async def IsolateTarget(  # noqa: N802
        self, request: pb.IsolateTargetRequest, context: "Isolating"
    ) -> pb.IsolateTargetResponse:
        now = self._clock.now()
        order = isolation_order(request, now=now)
        place = self._boards.current.place(request.target)
        isolate(place, order, principal=current().principal)
        response = pb.IsolateTargetResponse()
        fill_target(response.target, state_of(place, now), now=now)
        return response

    async def ReleaseTarget(  # noqa: N802
        self, request: pb.ReleaseTargetRequest, context: "Releasing"
    ) -> pb.ReleaseTargetResponse:
        now = self._clock.now()
        actor = releasing_actor(request)
        place = self._boards.current.place(request.target)
        released = release(
            place,
            all_gates=request.all_gates,
            actor=actor,
            principal=current().principal,
            now=now,
        )
        response = pb.ReleaseTargetResponse(
            was_isolated=released.was_isolated,
            opened=[SKIP_REASON.number[reason] for reason in released.opened],
        )
        fill_target(response.target, state_of(place, now), now=now)
        return response

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
        response = pb.CheckTargetResponse(result=_RESULT.number[check.result], detail=check.detail)
        if check.latency is not None:
            fill_duration(response.latency, check.latency)
        return response

    async def ReloadPolicy(  # noqa: N802
        self, request: pb.ReloadPolicyRequest, context: "Reloading"
    ) -> pb.ReloadPolicyResponse:
        return pb.ReloadPolicyResponse(changed=await self._reload())

    async def WatchHops(  # noqa: N802
        self, request: pb.WatchHopsRequest, context: "Following"
    ) -> AsyncIterator[pb.WatchHopsResponse]:
        self._refuse_unknown(request.route)
        with self._feed.following(tenant=request.tenant, route=request.route) as follower:
            await context.send_initial_metadata(((FOLLOWING_METADATA, "1"),))
            while True:
                ended, missed = await self._feed.next_for(follower)
                yield _ended_hop(ended, missed)

    async def ExplainRequest(  # noqa: N802
        self, request: pb.ExplainRequestRequest, context: "Explaining"
    ) -> pb.ExplainRequestResponse:
        return explained(await self._explanations.find(asked_walk(request)))

    def _refuse_unknown(self, route: str) -> None:
        routes = self._boards.current.policy.routes
        if route and route not in routes:
            raise RouteNotFound(f"the policy has no such route; it has: {', '.join(routes)}")


def _route(route: RoutePolicy) -> pb.Route:
    message = pb.Route(
        name=route.name, hops=route.hops, serves=route.serves, is_default=route.default
    )
    fill_duration(message.deadline, route.deadline)
    return message


def _ended_hop(ended: EndedHop, missed: int) -> pb.WatchHopsResponse:
    message = pb.WatchHopsResponse(
        walk_id=ended.walk_id,
        route=ended.route,
        tenant=ended.tenant,
        request_id=ended.request_id,
        missed=missed,
        trace_id=ended.trace_id,
    )
    fill_hop(message.hop, ended.hop)
    return message
