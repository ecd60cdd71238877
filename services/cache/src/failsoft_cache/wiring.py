"""Puts the service together."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft.cache.v1 import cache_service_pb2_grpc as pb_grpc
from failsoft_cache.adapters.secret_file import read_or_make_secret, read_secret
from failsoft_cache.adapters.valkey import ValkeyTier
from failsoft_cache.api.rpc import CacheServicer
from failsoft_cache.app.answers import Answers
from failsoft_cache.app.metrics import AgeMetrics, watch
from failsoft_cache.core.key import MasterSecret
from failsoft_cache.core.local_tier import LocalTier
from failsoft_cache.settings import SECTION, CacheSettings
from failsoft_cache.telemetry import NAMES
from failsoft_kit import service
from failsoft_kit.clock import Clock
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.access import access_table
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.server import Listener, Service
from failsoft_kit.telemetry import Telemetry
from failsoft_kit.tls.server import ServerTls
from failsoft_kit.valkey.connection import connecting
from failsoft_kit.valkey.pipeline import Pipeline

SERVICE = "failsoft.cache.v1.CacheService"
_METHODS = ("Lookup", "Store", "Invalidate", "GetStats")
METHODS = tuple(f"{SERVICE}/{method}" for method in _METHODS)

_NAME = "failsoft-cache"
_WELL = "answers are kept"


async def run(config: Path | None) -> None:
    """Serve until a signal; see `failsoft_kit.service.run`."""
    await service.run(
        config, model=CacheSettings, section=SECTION, name=_NAME, names=NAMES, build=build
    )


def build(settings: CacheSettings, *, clock: Clock, telemetry: Telemetry) -> Service:
    """The service that the settings describe; needs a running event loop.

    Raises:
        StartupError: a file cannot be read, or Valkey's URL is none.
    """
    health = Health([SERVICE])
    health.set(SERVICE, serving=True, why=_WELL)
    pipeline = _pipeline(settings, clock, health)
    answers = Answers(
        secret=_secret(settings),
        local=LocalTier(settings.local_bytes),
        shared=None if pipeline is None else ValkeyTier(pipeline),
        clock=clock,
        max_entry_bytes=settings.max_entry_bytes,
    )
    watch(telemetry.meter, answers)
    servicer = CacheServicer(answers, AgeMetrics(telemetry.meter))
    token, tls = settings.service_token(), settings.server_tls()
    return Service(
        name=_NAME,
        listeners=[
            Listener(
                address=settings.address,
                setting=f"{SECTION}.address",
                register=partial(pb_grpc.add_CacheServiceServicer_to_server, servicer),
                access=access(services_are_known=_services_are_known(token, tls)),
                reflection=True,
                max_calls=settings.max_calls,
                tls=tls,
            ),
            *settings.health_listeners(section=SECTION),
        ],
        clock=clock,
        telemetry=telemetry,
        health=health,
        token=token,
        background=[] if pipeline is None else [pipeline.run],
        drain_seconds=settings.drain,
    )


def access(*, services_are_known: bool) -> Mapping[str, Access]:
    """What each method demands: one of our own services, where there is something to tell them by,
    a token or names in certificates."""
    demanded = Access.SERVICE if services_are_known else Access.TENANT
    contract = pb.DESCRIPTOR.services_by_name["CacheService"]
    return access_table(contract, dict.fromkeys(_METHODS, demanded))


def _services_are_known(token: ServiceToken | None, tls: ServerTls | None) -> bool:
    return token is not None or (tls is not None and bool(tls.services))


def _pipeline(settings: CacheSettings, clock: Clock, health: Health) -> Pipeline | None:
    """None: no Valkey is configured."""
    connection = connecting(
        url=settings.valkey_url.get_secret_value(),
        file=settings.valkey_url_file,
        setting=f"{SECTION}.valkey_url",
    )
    if connection is None:
        return None

    def tell_health(trouble: str | None) -> None:
        health.set(SERVICE, serving=True, why=f"degraded: {trouble}" if trouble else _WELL)

    return Pipeline(
        connection,
        limit=settings.valkey_limit,
        clock=clock,
        on_change=tell_health,
        goes_on_with="the local tier",
    )


def _secret(settings: CacheSettings) -> MasterSecret:
    if settings.secret_file is not None:
        return read_secret(settings.secret_file)
    return read_or_make_secret(settings.data_dir / "cache-secret")
