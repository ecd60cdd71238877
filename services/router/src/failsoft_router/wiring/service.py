"""The router as a service: its parts, its work in the background, what is told of its errors."""

import os
import random
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from google.protobuf.message import Message

from failsoft_kit import service
from failsoft_kit.clock import Clock
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.identity.setup import identity_of
from failsoft_kit.rpc.client_calls import ClientCalls
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Service
from failsoft_kit.telemetry import Telemetry
from failsoft_kit.tls.client import ClientTls
from failsoft_kit.valkey.connection import connecting
from failsoft_kit.valkey.pipeline import Pipeline
from failsoft_kit.wire.inference import encode_walk_failure
from failsoft_model.errors import FailsoftError
from failsoft_model.walk import WalkFailure
from failsoft_router.adapters.cache_client import CacheClient
from failsoft_router.adapters.kubernetes_api import Cluster, cluster_around
from failsoft_router.adapters.pod_events import PodEvents, pod_around
from failsoft_router.adapters.policy_source import PolicyFile
from failsoft_router.adapters.policy_watch import PolicyWatch
from failsoft_router.adapters.walk_store import FIND_SECONDS, ValkeyWalks
from failsoft_router.api.rpc.admin import AdminServicer
from failsoft_router.api.rpc.admin.explanation import encode_walk
from failsoft_router.app.explain.explanations import Explanations
from failsoft_router.app.health.neighbourhood import Neighbourhood
from failsoft_router.app.health.survey import Survey
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.surroundings import Surroundings
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.targets.policy_notices import PolicyNotices
from failsoft_router.app.targets.reload import Reloader, Standing
from failsoft_router.app.telling.hop_feed import HopFeed
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.app.telling.target_watch import TargetWatch
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.errors import WalkError
from failsoft_router.core.walk_ring import WalkRing
from failsoft_router.settings import SECTION, ExplainSettings, RouterSettings
from failsoft_router.span_names import CALLED_METHODS
from failsoft_router.telemetry import NAMES
from failsoft_router.wiring.listeners import grpc_listeners, http_listeners
from failsoft_router.wiring.targets import ways_to_targets

NAME = "failsoft-router"
INFERENCE = "failsoft.inference.v1.InferenceService"
ADMIN = "failsoft.router.v1.RouterAdminService"
_WHOLE_SERVER = ""


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
        cluster = _cluster(settings, environ)
        ways = ways_to_targets(
            calls=calls,
            cluster=cluster,
            clock=clock,
            draw=draw,
            environ=environ,
            tls=to_services,
            token=token,
        )
        stack.push_async_callback(ways.to_endpoints.close)
        stack.push_async_callback(ways.to_targets.close)
        metrics = Metrics(telemetry.meter, clock=clock, tenants=settings.metrics_tenants)
        make = metrics.following(ways.make_board(ledger=Ledger(), clock=clock))
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
        explanations = _explanations(settings.explain, store, reloader, clock=clock)
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
        walker, target_watch = Walker(surroundings), TargetWatch(boards, clock=clock)
        admin = _admin(surroundings, target_watch, reloader)
        survey = _survey(surroundings, cache, reloader, health)
        yield Service(
            name=NAME,
            listeners=grpc_listeners(settings, walker, boards, admin, tls=tls),
            http=http_listeners(settings, walker, boards, health, survey, clock=clock),
            clock=clock,
            telemetry=telemetry,
            health=health,
            token=token,
            authorities=identity.authorities,
            background=(
                *identity.jobs,
                supervisor.run,
                ways.to_targets.run,
                ways.to_endpoints.run,
                ways.endpoints.run,
                policy_watch.run,
                target_watch.run,
                partial(_end_watches, health, target_watch, feed),
                *(each.run for each in (cache, to_services, store, notices) if each is not None),
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


def _explanations(
    settings: ExplainSettings, store: ValkeyWalks | None, reloader: Reloader, *, clock: Clock
) -> Explanations:
    return Explanations(
        WalkRing(most=settings.walks, most_bytes=settings.memory),
        encode=partial(encode_walk, replica=socket.gethostname()),
        store=store,
        policy=lambda: reloader.standing.in_force,
        clock=clock,
    )


def _policy_watch(file: PolicyFile, reloader: Reloader) -> PolicyWatch:
    return PolicyWatch(
        look=file.digest,
        follow=reloader.follow,
        last_read=lambda: reloader.standing.last_read,
    )


def _admin(around: Surroundings, watch: TargetWatch, reloader: Reloader) -> AdminServicer:
    return AdminServicer(
        around.boards,
        watch=watch,
        feed=around.feed,
        explanations=around.explanations,
        reload=reloader.reload,
        clock=around.clock,
        new_id=around.new_id,
    )


def _survey(
    around: Surroundings, cache: CacheClient | None, reloader: Reloader, health: Health
) -> Survey:
    return Survey(
        around.boards,
        Neighbourhood(around.boards, cache=cache, clock=around.clock),
        standing=lambda: reloader.standing,
        serving=lambda: health.serving(_WHOLE_SERVER) is True,
        recent=around.recent,
        clock=around.clock,
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
