"""The ports that the router listens on: who may call what there."""

from collections.abc import Mapping, Sequence
from functools import partial

from failsoft.inference.v1 import inference_service_pb2 as inference_pb
from failsoft.inference.v1 import inference_service_pb2_grpc as inference_grpc
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft.router.v1 import admin_service_pb2_grpc as admin_grpc
from failsoft_kit.clock import Clock
from failsoft_kit.http.health import health_routes
from failsoft_kit.http.listener import HttpListener
from failsoft_kit.identity import Access
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener
from failsoft_kit.tls.server import ServerTls
from failsoft_router.api.health.route import health_report_routes
from failsoft_router.api.openai.errors import OpenAiErrors
from failsoft_router.api.openai.front import OpenAiFront
from failsoft_router.api.rpc.admin import AdminServicer
from failsoft_router.api.rpc.inference import InferenceServicer
from failsoft_router.app.health.survey import Survey
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.walks.walker import Walker
from failsoft_router.settings import SECTION, RouterSettings


def grpc_listeners(
    settings: RouterSettings,
    walker: Walker,
    boards: Boards,
    admin: AdminServicer,
    *,
    tls: ServerTls | None,
) -> Sequence[Listener]:
    """For callers, for operators, and for probes where those have a port of their own."""
    inference = InferenceServicer(walker, boards)
    return (
        Listener(
            address=settings.address,
            setting="router.address",
            register=partial(inference_grpc.add_InferenceServiceServicer_to_server, inference),
            access=_inference_access(),
            reflection=settings.reflection,
            max_calls=settings.max_calls,
            tls=tls,
        ),
        Listener(
            address=settings.admin_address,
            setting="router.admin_address",
            register=partial(admin_grpc.add_RouterAdminServiceServicer_to_server, admin),
            access=_admin_access(),
            reflection=True,
            tls=tls,
        ),
        *settings.health_listeners(section=SECTION),
    )


def http_listeners(
    settings: RouterSettings,
    walker: Walker,
    boards: Boards,
    health: Health,
    survey: Survey,
    *,
    clock: Clock,
) -> Sequence[HttpListener]:
    """For callers over OpenAI's HTTP API; none: the settings name no address."""
    if not settings.http_address:
        return ()
    front = OpenAiFront(walker, boards, clock=clock, longest_silence=settings.keep_alive)
    return (
        HttpListener(
            address=settings.http_address,
            setting="router.http_address",
            routes=(
                *front.routes(),
                *health_routes(health),
                *health_report_routes(survey, clock=clock),
            ),
            errors=OpenAiErrors(),
            takes_unknown_keys=True,
            max_calls=settings.max_calls,
        ),
    )


def _inference_access() -> Mapping[str, Access]:
    return access_table(
        inference_pb.DESCRIPTOR.services_by_name["InferenceService"],
        {
            "Generate": Access.TENANT,
            "StreamGenerate": Access.TENANT,
            "CountTokens": Access.TENANT,
            "ListModels": Access.TENANT,
        },
    )


def _admin_access() -> Mapping[str, Access]:
    return access_table(
        admin_pb.DESCRIPTOR.services_by_name["RouterAdminService"],
        {
            "ListTargets": Access.OPERATOR,
            "WatchTargets": Access.OPERATOR,
            "IsolateTarget": Access.OPERATOR,
            "ReleaseTarget": Access.OPERATOR,
            "ListRoutes": Access.OPERATOR,
            "CheckTarget": Access.OPERATOR,
            "ReloadPolicy": Access.OPERATOR,
            "WatchHops": Access.OPERATOR,
            "ExplainRequest": Access.OPERATOR,
        },
    )
