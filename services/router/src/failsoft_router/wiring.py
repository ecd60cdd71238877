"""Builds the router from its settings: the one place where all parts meet."""

import os
import random
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from google.protobuf.message import Message

from failsoft.inference.v1 import inference_service_pb2 as inference_pb
from failsoft.inference.v1 import inference_service_pb2_grpc as inference_grpc
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft.router.v1 import admin_service_pb2_grpc as admin_grpc
from failsoft_kit import service
from failsoft_kit.clock import Clock
from failsoft_kit.http.health import health_routes
from failsoft_kit.http.listener import HttpListener
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.identity.setup import identity_of
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener, Service
from failsoft_kit.telemetry import Telemetry
from failsoft_kit.tls.client import ClientTls
from failsoft_kit.tls.server import ServerTls
from failsoft_kit.valkey.connection import connecting
from failsoft_kit.valkey.pipeline import Pipeline
from failsoft_kit.wire.inference import encode_walk_failure
from failsoft_model.errors import FailsoftError
from failsoft_model.walk import WalkFailure
from failsoft_router.adapters.cache_client import CacheClient
from failsoft_router.adapters.credentials import ShownToken, credential
from failsoft_router.adapters.endpoint_slices import EndpointSlices
from failsoft_router.adapters.http_target import HttpTarget
from failsoft_router.adapters.inference_target import InferenceTarget, is_shown_token
from failsoft_router.adapters.kubernetes_api import Cluster, cluster_around
from failsoft_router.adapters.pod_events import PodEvents, pod_around
from failsoft_router.adapters.policy_source import PolicyFile
from failsoft_router.adapters.policy_watch import PolicyWatch
from failsoft_router.adapters.walk_store import FIND_SECONDS, ValkeyWalks
from failsoft_router.api.health.route import health_report_routes
from failsoft_router.api.openai.errors import OpenAiErrors
from failsoft_router.api.openai.front import OpenAiFront
from failsoft_router.api.rpc.admin import AdminServicer
from failsoft_router.api.rpc.admin.explanation import encode_walk
from failsoft_router.api.rpc.inference import InferenceServicer
from failsoft_router.app.explain.explanations import Explanations
from failsoft_router.app.health.neighbourhood import Neighbourhood
from failsoft_router.app.health.survey import Survey
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.surroundings import Surroundings
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.connections import Connections
from failsoft_router.app.targets.endpoint_watch import EndpointWatch, Watched
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.targets.policy_notices import PolicyNotices
from failsoft_router.app.targets.reload import Reloader, Standing
from failsoft_router.app.targets.replicated_target import ReplicatedTarget
from failsoft_router.app.telling.hop_feed import HopFeed
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.app.telling.target_watch import TargetWatch
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.errors import WalkError
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.core.walk_ring import WalkRing
from failsoft_router.ports import Credential, Target
from failsoft_router.settings import SECTION, ExplainSettings, RouterSettings
from failsoft_router.span_names import CALLED_METHODS
from failsoft_router.telemetry import NAMES
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_router.wire.gemini.codec import GeminiCodec
from failsoft_router.wire.openai.codec import OpenAiCodec

NAME = "failsoft-router"
INFERENCE = "failsoft.inference.v1.InferenceService"
ADMIN = "failsoft.router.v1.RouterAdminService"
_WHOLE_SERVER = ""

Reach: TypeAlias = Callable[[TargetPolicy, Credential | None, Credential | None], Target]
"""Makes the target of a policy, with its credential and that for its proxy."""


async def run(config: Path | None) -> None:
    """Serve until a signal; see `failsoft_kit.service.run`."""
    await service.run(
        config,
        model=RouterSettings,
        section=SECTION,
        name=NAME,
        names=(*HTTP_NAMES, *NAMES),
        build=partial(build, environ=os.environ),
    )


@asynccontextmanager
async def build(
    settings: RouterSettings, *, clock: Clock, telemetry: Telemetry, environ: Mapping[str, str]
) -> AsyncIterator[Service]:
    """The service that the settings describe; its connections are closed after the block.

    Args:
        environ: Where the policy's credentials may be.

    Raises:
        StartupError: The policy, the token, a certificate or what users are known by cannot be
            used.
    """
    file = PolicyFile(
        settings.policy_file,
        own_address=settings.address,
        own_http_address=settings.http_address or "",
    )
    written = await file.located(file.load())
    token, tls = settings.service_token(), settings.server_tls()
    to_services = None if settings.client_tls is None else ClientTls(settings.client_tls)
    identity = await identity_of(settings.identity, clock=clock)
    draw = random.Random().random  # noqa: S311 - spreads open times, guards nothing
    async with AsyncExitStack() as stack:
        calls = ClientCalls(telemetry.meter, CALLED_METHODS, clock=clock)
        open_ = partial(_open, clock=clock, token=token, environ=environ)
        one = partial(_target, calls=calls, clock=clock, token=token, tls=to_services)
        to_endpoints = Connections(partial(open_, reach=one))
        stack.push_async_callback(to_endpoints.close)
        cluster = _cluster(settings, environ)
        endpoints = EndpointWatch(EndpointSlices(cluster, draw=draw), clock=clock)
        several = partial(ReplicatedTarget, to=to_endpoints.to, clock=clock, draw=draw)
        connections = Connections(
            partial(open_, reach=partial(_reach, endpoints=endpoints, several=several, one=one))
        )
        stack.push_async_callback(connections.close)
        metrics = Metrics(telemetry.meter, clock=clock, tenants=settings.metrics_tenants)
        make = metrics.following(
            endpoints.following(
                partial(Board, connections=connections, ledger=Ledger(), clock=clock)
            )
        )
        boards, health = Boards(written.policy, written.addresses, make=make), Health()
        notices = _notices(cluster, environ, clock=clock)
        told = partial(_tell_standing, health, None if notices is None else PolicyNotices(notices))
        reloader = Reloader(file, boards, in_force=written.digest, told=told)
        policy_watch = _policy_watch(file, reloader)
        cache = None
        if settings.cache_address:
            cache = CacheClient(
                settings.cache_address,
                token=token,
                tracer=telemetry.tracer,
                calls=calls,
                clock=clock,
                draw=draw,
                tls=to_services,
            )
            stack.push_async_callback(cache.close)
        supervisor, feed = Supervisor(), HopFeed()
        store = _store(settings.explain, clock=clock)
        explanations = Explanations(
            WalkRing(most=settings.explain.walks, most_bytes=settings.explain.memory),
            encode=partial(encode_walk, replica=socket.gethostname()),
            store=store,
            policy=lambda: reloader.standing.in_force,
            clock=clock,
        )
        target_watch = TargetWatch(boards, clock=clock)
        admin = AdminServicer(
            boards,
            watch=target_watch,
            feed=feed,
            explanations=explanations,
            reload=reloader.reload,
            clock=clock,
            new_id=_new_id,
        )
        surroundings = Surroundings(
            boards=boards,
            supervisor=supervisor,
            cache=cache,
            tracer=telemetry.tracer,
            metrics=metrics,
            clock=clock,
            draw=draw,
            new_id=_new_id,
            explanations=explanations,
            feed=feed,
        )
        walker = Walker(surroundings)
        survey = Survey(
            boards,
            Neighbourhood(boards, cache=cache, clock=clock),
            standing=lambda: reloader.standing,
            serving=lambda: health.serving(_WHOLE_SERVER) is True,
            recent=surroundings.recent,
            clock=clock,
        )
        yield Service(
            name=NAME,
            listeners=_listeners(settings, walker, boards, admin, tls=tls),
            http=_http(settings, walker, boards, health, survey, clock=clock),
            clock=clock,
            telemetry=telemetry,
            health=health,
            token=token,
            authorities=identity.authorities,
            background=(
                *identity.jobs,
                supervisor.run,
                connections.run,
                to_endpoints.run,
                endpoints.run,
                policy_watch.run,
                target_watch.run,
                partial(_end_watches, health, target_watch, feed),
                *(() if cache is None else (cache.run,)),
                *(() if to_services is None else (to_services.run,)),
                *(() if store is None else (store.run,)),
                *(() if notices is None else (notices.run,)),
            ),
            on_hangup=policy_watch.ask,
            drain_seconds=settings.drain,
            error_details=walk_details,
        )


def _store(settings: ExplainSettings, *, clock: Clock) -> ValkeyWalks | None:
    """Where all replicas keep their walks; None: each remembers its own."""
    connection = connecting(
        url=settings.valkey_url.get_secret_value(),
        file=settings.valkey_url_file,
        setting=f"{SECTION}.explain.valkey_url",
    )
    if connection is None:
        return None
    pipeline = Pipeline(
        connection,
        limit=FIND_SECONDS,
        clock=clock,
        on_change=lambda _: None,
        goes_on_with="the walks that this replica remembers",
    )
    return ValkeyWalks(pipeline, time_to_live=settings.time_to_live)


def _policy_watch(file: PolicyFile, reloader: Reloader) -> PolicyWatch:
    return PolicyWatch(
        look=file.digest,
        follow=reloader.follow,
        last_read=lambda: reloader.standing.last_read,
    )


def _listeners(
    settings: RouterSettings,
    walker: Walker,
    boards: Boards,
    admin: AdminServicer,
    *,
    tls: ServerTls | None,
) -> Sequence[Listener]:
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


def _http(
    settings: RouterSettings,
    walker: Walker,
    boards: Boards,
    health: Health,
    survey: Survey,
    *,
    clock: Clock,
) -> Sequence[HttpListener]:
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


def _tell_standing(health: Health, notices: PolicyNotices | None, standing: Standing) -> None:
    """The router serves with every target down: it can still say so, or answer from the cache."""
    for name in (INFERENCE, ADMIN):
        health.set(name, serving=True, why=str(standing))
    if notices is not None:
        notices.hear(standing)


async def _end_watches(health: Health, watch: TargetWatch, feed: HopFeed) -> None:
    """Send those who watch away when the drain begins, which would wait for them."""
    await health.until_drain()
    watch.close()
    feed.close()


def _notices(
    cluster: Cluster | None, environ: Mapping[str, str], *, clock: Clock
) -> PodEvents | None:
    """Where notices are posted; None: this is no pod, or may not ask its cluster."""
    pod = pod_around(environ)
    return None if cluster is None or pod is None else PodEvents(cluster, pod, clock=clock)


def _cluster(settings: RouterSettings, environ: Mapping[str, str]) -> Cluster | None:
    if settings.kubernetes_api:
        return Cluster(url=settings.kubernetes_api.rstrip("/"), account=None)
    return cluster_around(environ)


def _open(
    policy: TargetPolicy,
    *,
    reach: Reach,
    clock: Clock,
    token: ServiceToken | None,
    environ: Mapping[str, str],
) -> tuple[Target, Credential | None]:
    secret = partial(credential, clock=clock, environ=environ)
    key = None if policy.credential is None else secret(policy.credential)
    to_proxy = None if policy.proxy_credential is None else secret(policy.proxy_credential)
    target = reach(policy, key, to_proxy)
    if key is None and token is not None and is_shown_token(policy):
        return target, ShownToken(token)
    return target, key


def _reach(
    policy: TargetPolicy,
    credential: Credential | None,
    proxy_credential: Credential | None,
    *,
    endpoints: EndpointWatch,
    several: Callable[[TargetPolicy, Watched], Target],
    one: Reach,
) -> Target:
    """The target of this policy, which may have several endpoints."""
    watched = endpoints.of(policy)
    if watched is not None:
        return several(policy, watched)
    return one(policy, credential, proxy_credential)


def _target(
    policy: TargetPolicy,
    credential: Credential | None,
    proxy_credential: Credential | None,
    *,
    calls: ClientCalls,
    clock: Clock,
    token: ServiceToken | None,
    tls: ClientTls | None,
) -> Target:
    speaking = partial(
        HttpTarget,
        policy,
        credential=credential,
        proxy_credential=proxy_credential,
        clock=clock,
    )
    match policy.provider:
        case Provider.OPENAI:
            return speaking(codec=OpenAiCodec(model=policy.model, endpoint=policy.endpoint))
        case Provider.ANTHROPIC:
            context = policy.context_tokens
            return speaking(codec=AnthropicCodec(model=policy.model, context_tokens=context))
        case Provider.GEMINI:
            return speaking(codec=GeminiCodec(model=policy.model))
        case Provider.FAILSOFT:
            return InferenceTarget(policy, token=token, credential=credential, calls=calls, tls=tls)


def walk_details(error: FailsoftError, *, room: int) -> Sequence[Message]:
    """The hops of a walk that ended without an answer, as a detail of its status.

    Args:
        room: Bytes that the status has left for them; the last hops' details give way first.
    """
    if not isinstance(error, WalkError):
        return ()
    failure = WalkFailure(
        walk_id=error.walk_id,
        route=error.route,
        trace_id=error.trace_id,
        cause=error.cause,
        hops=error.hops,
    )
    return (encode_walk_failure(failure, room=room),)


def _new_id() -> str:
    return uuid.uuid4().hex
