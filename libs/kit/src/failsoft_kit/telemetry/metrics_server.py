"""The port that Prometheus reads metrics from: `GET /metrics`, plain HTTP, no TLS yet.

It is served by threads of its own, where a scrape is written down; its values are read on the
event loop, which owns them. While the loop is stuck a scrape fails, and that is the truth.

Who may read is as on any other port: without a token it binds loopback only; with one, callers
from other machines show it as `authorization: Bearer …`, which Prometheus does when its
`authorization.credentials_file` names the same file.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector
from structlog.typing import FilteringBoundLogger

from failsoft_kit.identity import AUTHORIZATION_METADATA, Authenticator, ServiceToken
from failsoft_kit.rpc.address import Address, parse_address, why_not_bound
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.prometheus import MeterCollector, prometheus_label
from failsoft_kit.telemetry.readings import Reading
from failsoft_model.errors import Unauthenticated

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    _Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
    _Peer: TypeAlias = tuple[str, int] | str

_log: FilteringBoundLogger = structlog.get_logger()

_READ_SECONDS = 5.0
"""How long the event loop may take to tell its values."""
_SILENCE_SECONDS = 10.0
"""How long a peer may say nothing."""
_MOST_CONNECTIONS = 8
_PATH = "/metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsPort:
    """Where metrics are served, and to whom."""

    address: str
    """`host:port`; port 0 for any free one."""
    setting: str
    """Where the operator wrote the address, for messages about it."""
    token: ServiceToken | None
    """What a reader has to show; None: nothing, and the port must be on loopback."""


@asynccontextmanager
async def serving_metrics(
    port: MetricsPort,
    meter: Meter,
    *,
    resource: Mapping[str, str],
    others: Sequence[Collector] = (),
) -> AsyncIterator[int]:
    """Serve inside the block; gives the TCP port.

    Args:
        resource: What the process is; told as `target_info`.
        others: What else is served; collected in threads of the server.

    Raises:
        StartupError: the address is none, cannot be had, or may not be opened.
    """
    address = parse_address(port.address, setting=port.setting)
    if port.token is None and not address.loopback:
        raise StartupError(
            f"{port.setting}: {address} can be reached from other machines, which demands a token"
            " for those who read metrics; configure one, or listen on 127.0.0.1"
        )
    registry = CollectorRegistry(
        target_info={prometheus_label(name): value for name, value in resource.items()}
    )
    ProcessCollector(registry=registry)
    read = partial(_read_on, asyncio.get_running_loop(), meter)
    for collector in (MeterCollector(read), *others):
        registry.register(collector)
    authenticator = Authenticator.of(port.token, loopback=address.loopback)
    with _bound(address, setting=port.setting) as server:
        server.set_app(_guarded(make_wsgi_app(registry), authenticator))
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        _log.info("metrics.serving", port=server.server_port)
        try:
            yield server.server_port
        finally:
            await asyncio.to_thread(server.shutdown)
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each of few connections; none of them keeps the process alive."""

    daemon_threads = True

    def __init__(self, address: Address) -> None:
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        infos = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        self.address_family, *_, (host, port, *_rest) = infos[0]
        super().__init__((str(host), int(port)), _Silent)

    def server_bind(self) -> None:
        """Binds, and does not ask a name server for its own name, as its base does."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), port
        self.setup_environ()

    def verify_request(self, request: object, client_address: object) -> bool:
        """Whether there is room for one more."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: "_Request", client_address: "_Peer") -> None:
        """Answers one connection, and gives its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _Silent(WSGIRequestHandler):
    """Logs nothing, and hangs up on who says nothing."""

    timeout = _SILENCE_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is theirs
        """Who reads metrics, and when, is of no interest."""


def _bound(address: Address, *, setting: str) -> _Server:
    """A server that listens and does not answer yet; raises StartupError."""
    try:
        return _Server(address)
    except OSError:
        reason = why_not_bound(address)
        raise StartupError(f"{setting}: metrics cannot be served on {address}: {reason}") from None


def _read_on(loop: asyncio.AbstractEventLoop, meter: Meter) -> Sequence[Reading]:
    """What the meter says; called in another thread than the loop's.

    Raises:
        TimeoutError: the loop is stuck.
    """

    async def read() -> Sequence[Reading]:
        return meter.read()

    return asyncio.run_coroutine_threadsafe(read(), loop).result(_READ_SECONDS)


def _guarded(app: "WSGIApplication", authenticator: Authenticator) -> "WSGIApplication":
    """The same for those who may read, at the one path that there is."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        authorization = environ.get("HTTP_AUTHORIZATION")
        shown = [] if authorization is None else [(AUTHORIZATION_METADATA, authorization)]
        try:
            authenticator.principal(shown)
        except Unauthenticated:
            why = "show the token in `metrics_token_file`, as `Authorization: Bearer TOKEN`"
            challenge = ("WWW-Authenticate", "Bearer")
            return _refuse(start_response, "401 Unauthorized", why, challenge)
        if environ["PATH_INFO"] != _PATH:
            return _refuse(start_response, "404 Not Found", f"metrics are at {_PATH}")
        try:
            return app(environ, start_response)
        except TimeoutError:
            why = f"the event loop has not turned to this within {_READ_SECONDS:g} s"
            return _refuse(start_response, "503 Service Unavailable", why)

    return guarded


def _refuse(
    start_response: "StartResponse", status: str, why: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
    return [f"{status}: {why}\n".encode()]
