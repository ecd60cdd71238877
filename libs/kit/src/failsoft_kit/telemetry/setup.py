"""Telemetry of one process, as OpenTelemetry's standard environment variables want it.

| variable | meaning |
|---|---|
| OTEL_EXPORTER_OTLP_ENDPOINT | where the collector is; unset or empty: nothing is recorded |
| OTEL_EXPORTER_OTLP_TRACES_ENDPOINT | the same for traces alone; for HTTP the whole URL |
| OTEL_EXPORTER_OTLP_PROTOCOL | `grpc` (default) or `http/protobuf` |
| OTEL_EXPORTER_OTLP_HEADERS | `key=value,…` sent along, for a collector that wants a key |
| OTEL_EXPORTER_OTLP_TIMEOUT | milliseconds for one batch, default 10000 |
| OTEL_SERVICE_NAME | replaces the service's own name |
| OTEL_RESOURCE_ATTRIBUTES | `key=value,…` about the process |
| OTEL_SDK_DISABLED | `true`: nothing is recorded |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from failsoft_kit.clock import Clock
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.telemetry.names import NameRegistry
from failsoft_kit.telemetry.otlp import GrpcExporter, HttpExporter
from failsoft_kit.telemetry.recorder import Exporter, Recorder
from failsoft_kit.telemetry.tracer import Tracer

_PREFIX = "OTEL_EXPORTER_OTLP_"
_DEFAULT_TIMEOUT_MS = "10000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a service needs to be seen.

    `recorder` is None when nothing is exported; otherwise the service runs it.
    """

    tracer: Tracer
    recorder: Recorder | None = None


def telemetry_from(
    environ: Mapping[str, str],
    *,
    service: str,
    clock: Clock,
    names: NameRegistry | None = None,
) -> Telemetry:
    """Build the telemetry that the environment asks for. Needs a running event loop.

    Args:
        service: `service.name` unless OTEL_SERVICE_NAME says otherwise.

    Raises:
        StartupError: a variable says something that cannot be understood.
    """
    exporter = _exporter(environ)
    if exporter is None:
        return Telemetry(tracer=Tracer(clock=clock, names=names))
    recorder = Recorder(exporter, Encoder(_resource(environ, service)))
    return Telemetry(tracer=Tracer(clock=clock, sink=recorder, names=names), recorder=recorder)


def _exporter(environ: Mapping[str, str]) -> Exporter | None:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    traces_only = environ.get(f"{_PREFIX}TRACES_ENDPOINT", "")
    endpoint = traces_only or environ.get(f"{_PREFIX}ENDPOINT", "")
    if not endpoint:
        return None
    if not endpoint.startswith(("http://", "https://")):
        raise StartupError(
            f"{_PREFIX}ENDPOINT must be a URL such as http://localhost:4317, not {endpoint!r}"
        )
    headers = _pairs(environ, f"{_PREFIX}HEADERS")
    timeout = _seconds(environ)
    match environ.get(f"{_PREFIX}PROTOCOL", "") or "grpc":
        case "grpc":
            return GrpcExporter(endpoint, headers=headers, timeout=timeout)
        case "http/protobuf":
            url = traces_only or endpoint.rstrip("/") + "/v1/traces"
            return HttpExporter(url, headers=headers, timeout=timeout)
        case other:
            raise StartupError(f"{_PREFIX}PROTOCOL must be grpc or http/protobuf, not {other!r}")


def _seconds(environ: Mapping[str, str]) -> float:
    text = environ.get(f"{_PREFIX}TIMEOUT", "") or _DEFAULT_TIMEOUT_MS
    if not text.isascii() or not text.isdigit():
        raise StartupError(f"{_PREFIX}TIMEOUT must be whole milliseconds, not {text!r}")
    return int(text) / 1000


def _resource(environ: Mapping[str, str], service: str) -> dict[str, str]:
    attributes = _pairs(environ, "OTEL_RESOURCE_ATTRIBUTES")
    own_name = environ.get("OTEL_SERVICE_NAME", "")
    name = own_name or attributes.get("service.name", service)
    return {**attributes, "service.name": name}


def _pairs(environ: Mapping[str, str], variable: str) -> dict[str, str]:
    """`key=value,…` with percent-encoded values."""
    pairs = {}
    for item in environ.get(variable, "").split(","):
        key, equals, value = item.partition("=")
        if equals:
            pairs[key.strip()] = unquote(value.strip())
        elif item.strip():
            raise StartupError(f"{variable} must be a list of key=value, separated by commas")
    return pairs
