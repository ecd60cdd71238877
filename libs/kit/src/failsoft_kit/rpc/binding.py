"""From a listener to a server that is bound and whose handlers are wrapped."""

from collections.abc import Collection, Mapping

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from structlog.typing import FilteringBoundLogger

from failsoft_kit.http.guard import Guard
from failsoft_kit.http.listener import HttpListener
from failsoft_kit.http.server import HttpServer, bound_socket
from failsoft_kit.identity import DEFAULT_TENANT, Access, Authenticator
from failsoft_kit.rpc.address import Address, parse_address, why_not_bound
from failsoft_kit.rpc.channel import LONGEST_CALL_SECONDS, MAX_MESSAGE_BYTES
from failsoft_kit.rpc.handlers import Handler
from failsoft_kit.rpc.health import HealthServicer
from failsoft_kit.rpc.interceptor import Interceptor
from failsoft_kit.rpc.reflection import reflection_handlers
from failsoft_kit.rpc.registrar import Registrar
from failsoft_kit.rpc.running import RunningCalls
from failsoft_kit.rpc.service import Listener, Service
from failsoft_kit.startup import StartupError

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", int(1000 * LONGEST_CALL_SECONDS)),
)

Services = Mapping[str, Mapping[str, Handler]]

_log: FilteringBoundLogger = structlog.get_logger()


def bind(service: Service, listener: Listener, calls: RunningCalls) -> tuple[grpc.aio.Server, int]:
    """A server that is bound and doesn't serve yet, and its port.

    Raises:
        StartupError: the address is none, cannot be had, or may not be opened.
    """
    address = parse_address(listener.address, setting=listener.setting)
    server = grpc.aio.server(options=_OPTIONS)
    _register(server, service, listener, address, calls)
    try:
        if listener.tls is not None:
            return server, server.add_secure_port(str(address), listener.tls.credentials())
        return server, server.add_insecure_port(str(address))
    except RuntimeError:
        raise _not_bound(service, listener, address) from None


def bind_http(
    service: Service, listener: HttpListener, calls: RunningCalls
) -> tuple[HttpServer, int]:
    """A server of HTTP that is bound and doesn't serve yet, and its port.

    Raises:
        StartupError: the address is none, cannot be had, or may not be opened.
    """
    address = parse_address(listener.address, setting=listener.setting)
    guard = Guard(
        listener,
        authenticator=_authenticator(service, listener, address),
        tracer=service.telemetry.tracer,
        meter=service.telemetry.meter,
        clock=service.clock,
        running=calls,
    )
    try:
        bound = bound_socket(address)
    except OSError:
        raise _not_bound(service, listener, address) from None
    server = HttpServer(
        guard,
        bound,
        max_connections=listener.max_calls + listener.spare_connections,
        head_seconds=listener.head_seconds,
        unread_seconds=listener.unread_seconds,
    )
    return server, bound.getsockname()[1]


def _register(
    server: grpc.aio.Server,
    service: Service,
    listener: Listener,
    address: Address,
    calls: RunningCalls,
) -> None:
    own, open_to_all = _services(service, listener)
    interceptor = Interceptor(
        authenticator=_authenticator(service, listener, address),
        access={**listener.access, **dict.fromkeys(_methods(open_to_all), Access.ANYONE)},
        tracer=service.telemetry.tracer,
        meter=service.telemetry.meter,
        clock=service.clock,
        running=calls,
        max_calls=listener.max_calls,
        details=service.error_details,
    )
    for name, handlers in {**own, **open_to_all}.items():
        wrapped = {
            method: interceptor.wrap(f"{name}/{method}", handler)
            for method, handler in handlers.items()
        }
        server.add_registered_method_handlers(name, wrapped)


def _services(service: Service, listener: Listener) -> tuple[Services, Services]:
    """What the listener was made for, and what it tells anyone: health and reflection."""
    own, open_to_all = Registrar(), Registrar()
    listener.register(own.as_server())
    health_pb2_grpc.add_HealthServicer_to_server(
        HealthServicer(service.health), open_to_all.as_server()
    )
    if not listener.reflection:
        return own.services, open_to_all.services
    names = (*own.services, *open_to_all.services)
    return own.services, {**open_to_all.services, **reflection_handlers(names)}


def _methods(services: Services) -> list[str]:
    return [f"{name}/{method}" for name, handlers in services.items() for method in handlers]


def _not_bound(
    service: Service, listener: Listener | HttpListener, address: Address
) -> StartupError:
    reason = why_not_bound(address)
    return StartupError(f"{listener.setting}: {service.name} cannot listen on {address}: {reason}")


def _authenticator(
    service: Service, listener: Listener | HttpListener, address: Address
) -> Authenticator:
    authorities, services = service.authorities, _services_by_certificate(listener)
    nobody_is_known = service.token is None and not authorities and not services
    tells_health_only = not listener.access
    if nobody_is_known and not address.loopback and not tells_health_only:
        raise StartupError(
            f"{listener.setting}: {address} can be reached from other machines, which demands a"
            " service token or API keys; configure one of them, or listen on 127.0.0.1"
        )
    trusted = (address.loopback and listener.trust_loopback) or tells_health_only
    authenticator = Authenticator.of(
        service.token, loopback=trusted, authorities=authorities, services=services
    )
    if authenticator.admits_strangers and Access.TENANT in listener.access.values():
        _log.warning("identity.off", setting=listener.setting, tenant=DEFAULT_TENANT)
    return authenticator


def _services_by_certificate(listener: Listener | HttpListener) -> Collection[str]:
    if isinstance(listener, HttpListener) or listener.tls is None:
        return ()
    return listener.tls.services
