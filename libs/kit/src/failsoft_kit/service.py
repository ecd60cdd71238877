"""What all services have in common: the settings that each of them has, and how it is run."""

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import Field

from failsoft_kit import call, logs
from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.identity import ServiceToken
from failsoft_kit.logs import LogSettings
from failsoft_kit.process import settle
from failsoft_kit.rpc.names import RPC_NAMES
from failsoft_kit.rpc.server import serve
from failsoft_kit.rpc.service import MAX_CALLS, Listener, Service, health_listener
from failsoft_kit.settings import Duration, Settings, load
from failsoft_kit.telemetry import Name, NameRegistry, Telemetry, current_context, telemetry_from
from failsoft_kit.telemetry.metrics_server import MetricsPort, serving_metrics
from failsoft_kit.telemetry.process_metrics import PROCESS_NAMES
from failsoft_kit.tls.server import ServerTls
from failsoft_kit.tls.settings import ServerTlsSettings

_ADDRESS = "Where {} is served; without a service token loopback only."
_DRAIN = "How long running calls may still take when the service stops."


class ServiceSettings(Settings):
    """What the operator can set of every service.

    A service gives `address` and `drain` defaults of its own, by `address_field` and `drain_field`.
    """

    address: str = Field(description=_ADDRESS.format("gRPC"))
    service_token_file: Path | None = Field(
        default=None,
        description="The token that our own services show; at least 32 printable ASCII characters."
        " Further lines are believed, too. Unset: everybody on this machine is tenant `default`.",
    )
    tls: ServerTlsSettings | None = Field(
        default=None,
        description="TLS of the gRPC ports. Unset: calls arrive in the clear.",
    )
    health_address: str | None = Field(
        default=None,
        description="Where health (`grpc.health.v1`) alone is told, in the clear and to everybody:"
        " for probes, which speak no TLS. Unset: at the gRPC ports only.",
    )
    max_calls: int = Field(
        default=MAX_CALLS,
        ge=1,
        description="Calls that are answered at once; more are refused as OVERLOADED. Health"
        " checks don't count.",
    )
    drain: Duration = Field(description=_DRAIN, json_schema_extra={"unit": "seconds"})
    metrics_address: str | None = Field(
        default=None,
        description="Where Prometheus reads metrics, such as 127.0.0.1:9464: plain HTTP, /metrics;"
        " without a token of its own loopback only. Unset: nowhere.",
    )
    metrics_token_file: Path | None = Field(
        default=None,
        description="The token that readers of metrics from other machines show as bearer; at"
        " least 32 printable ASCII characters.",
    )
    log: LogSettings = Field(default=LogSettings(), description="What is logged, and how.")

    def service_token(self) -> ServiceToken | None:
        """The token in its file; None: there is no identity.

        Raises:
            StartupError: the file cannot be read, or what it holds is no token.
        """
        file = self.service_token_file
        return None if file is None else ServiceToken.from_file(file)

    def server_tls(self) -> ServerTls | None:
        """TLS of the gRPC ports; None: there is none.

        Raises:
            StartupError: a file cannot be used.
        """
        return None if self.tls is None else ServerTls.of(self.tls)

    def health_listeners(self, *, section: str) -> Sequence[Listener]:
        """The port for health alone; none, if there is to be none.

        Args:
            section: Where these settings are in the file.
        """
        if self.health_address is None:
            return ()
        return (health_listener(self.health_address, setting=f"{section}.health_address"),)

    def metrics_port(self, *, section: str) -> MetricsPort | None:
        """Where metrics are read; None: nowhere.

        Args:
            section: Where these settings are in the file.

        Raises:
            StartupError: the token's file cannot be read, or what it holds is no token.
        """
        if self.metrics_address is None:
            return None
        file = self.metrics_token_file
        return MetricsPort(
            address=self.metrics_address,
            setting=f"{section}.metrics_address",
            token=None if file is None else ServiceToken.from_file(file),
        )


def address_field(default: str, *, serves: str = "gRPC") -> str:
    """The field `address` of a service that listens there unless told otherwise.

    Args:
        serves: What is served there, for a service with more than one address.
    """
    return Field(default=default, description=_ADDRESS.format(serves))


def drain_field(default: float) -> float:
    """The field `drain` of a service whose calls get that many seconds unless told otherwise."""
    return Field(default=default, ge=0.0, description=_DRAIN, json_schema_extra={"unit": "seconds"})


S = TypeVar("S", bound=ServiceSettings)
S_contra = TypeVar("S_contra", contravariant=True)


class Build(Protocol[S_contra]):
    """A service's wiring."""

    def __call__(
        self, settings: S_contra, *, clock: Clock, telemetry: Telemetry
    ) -> Service | AbstractAsyncContextManager[Service]:
        """The service that the settings describe; a context, if it has something to close."""


async def run(
    config: Path | None,
    *,
    model: type[S],
    section: str,
    name: str,
    names: Iterable[Name],
    build: Build[S],
) -> None:
    """Serve until a signal.

    Args:
        config: The settings file; None: variables and defaults only.
        model: The service's settings, which are at `section` of the file.
        name: What logs and spans call it, unless OTEL_SERVICE_NAME says otherwise.
        names: What its spans use besides kit's names.

    Raises:
        StartupError: what is configured cannot be served.
    """
    settings = load(model, section=section, file=config)
    logs.configure(settings.log, service=name, trace=current_context, request_id=call.request_id)
    clock = SystemClock()
    registry = NameRegistry()
    registry.register((*RPC_NAMES, *PROCESS_NAMES, *names))
    telemetry = telemetry_from(os.environ, service=name, clock=clock, names=registry)
    built = build(settings, clock=clock, telemetry=telemetry)
    async with nullcontext(built) if isinstance(built, Service) else built as service:
        settle()
        async with _metrics(settings.metrics_port(section=section), service):
            await serve(service)


def _metrics(port: MetricsPort | None, service: Service) -> AbstractAsyncContextManager[object]:
    if port is None:
        return nullcontext()
    telemetry = service.telemetry
    return serving_metrics(
        port, telemetry.meter, resource=telemetry.resource, others=service.collectors
    )
