"""Telemetry of one process, as OpenTelemetry's standard environment variables want it.

| variable | meaning |
|---|---|
| OTEL_EXPORTER_OTLP_ENDPOINT | where the collector is; unset or empty: nothing is sent |
| OTEL_EXPORTER_OTLP_TRACES_ENDPOINT | the same for traces alone; for HTTP the whole URL |
| OTEL_EXPORTER_OTLP_METRICS_ENDPOINT | the same for metrics alone |
| OTEL_METRICS_EXPORTER | `none`: no metrics are sent, as for a collector that takes none |
| OTEL_METRIC_EXPORT_INTERVAL | milliseconds between two batches of metrics, default 60000 |
| OTEL_EXPORTER_OTLP_PROTOCOL | `grpc` (default) or `http/protobuf` |
| OTEL_EXPORTER_OTLP_HEADERS | `key=value,…` sent along, for a collector that wants a key |
| OTEL_EXPORTER_OTLP_TIMEOUT | milliseconds for one batch, default 10000 |
| OTEL_SERVICE_NAME | replaces the service's own name |
| OTEL_RESOURCE_ATTRIBUTES | `key=value,…` about the process |
| OTEL_TRACES_SAMPLER | which traces are recorded, see `sampler` |
| OTEL_TRACES_SAMPLER_ARG | the share of them, for those rules that take one |
| OTEL_SDK_DISABLED | `true`: nothing is sent |
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from failsoft_kit.clock import Clock, SystemClock
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry.encoding import Encoder
from failsoft_kit.telemetry.endpoint import fault_of
from failsoft_kit.telemetry.export import Exporter
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.metrics_encoding import MetricsEncoder
from failsoft_kit.telemetry.metrics_push import MetricsPush
from failsoft_kit.telemetry.names import NameRegistry
from failsoft_kit.telemetry.otlp_grpc import GrpcExporter, Signal
from failsoft_kit.telemetry.otlp_http import HttpExporter
from failsoft_kit.telemetry.process_metrics import SPANS_DROPPED, VERSION, tell_build, version
from failsoft_kit.telemetry.recorder import Recorder
from failsoft_kit.telemetry.sampler import sampler_from
from failsoft_kit.telemetry.tracer import Tracer

_PREFIX = "OTEL_EXPORTER_OTLP_"
_TIMEOUT = f"{_PREFIX}TIMEOUT"
_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
_DEFAULT_MS = {_TIMEOUT: "10000", _INTERVAL: "60000"}


def _unsent() -> Meter:
    return Meter(clock=SystemClock())


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a service needs to be seen.

    `recorder` and `push` are None when nothing is sent; otherwise the service runs them.
    """

    tracer: Tracer
    meter: Meter = field(default_factory=_unsent)
    recorder: Recorder | None = None
    push: MetricsPush | None = None
    resource: Mapping[str, str] = field(default_factory=dict)
    """What the process is: `service.name` and the like."""


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
    resource = _resource(environ, service)
    meter = Meter(clock=clock, names=names)
    traces, metrics = _exporter(environ, Signal.TRACES), _exporter(environ, Signal.METRICS)
    recorder, push = None, None
    if traces is not None:
        recorder = Recorder(traces, Encoder(resource))
    if metrics is not None:
        encoder = MetricsEncoder(resource, started_at=meter.started_at)
        interval = _seconds(environ, _INTERVAL)
        push = MetricsPush(meter, metrics, encoder, clock=clock, interval=interval)
    tell_build(meter)
    meter.watch(SPANS_DROPPED, lambda: {(): 0 if recorder is None else recorder.dropped})
    return Telemetry(
        tracer=Tracer(clock=clock, sink=recorder, names=names, sampler=sampler_from(environ)),
        meter=meter,
        recorder=recorder,
        push=push,
        resource=resource,
    )


def _exporter(environ: Mapping[str, str], signal: Signal) -> Exporter | None:
    """What sends that; None: nobody wants it."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if signal is Signal.METRICS and environ.get("OTEL_METRICS_EXPORTER", "").lower() == "none":
        return None
    variable = f"{_PREFIX}{signal.name}_ENDPOINT"
    this_alone = environ.get(variable, "")
    endpoint = this_alone or environ.get(f"{_PREFIX}ENDPOINT", "")
    if not endpoint:
        return None
    if fault := fault_of(endpoint):
        raise StartupError(f"{variable if this_alone else _PREFIX + 'ENDPOINT'} {fault}")
    headers = _pairs(environ, f"{_PREFIX}HEADERS")
    timeout = _seconds(environ, _TIMEOUT)
    match environ.get(f"{_PREFIX}PROTOCOL", "") or "grpc":
        case "grpc":
            return GrpcExporter(endpoint, headers=headers, timeout=timeout, signal=signal)
        case "http/protobuf":
            url = this_alone or f"{endpoint.rstrip('/')}/v1/{signal.value}"
            return HttpExporter(url, headers=headers, timeout=timeout)
        case other:
            raise StartupError(f"{_PREFIX}PROTOCOL must be grpc or http/protobuf, not {other!r}")


def _seconds(environ: Mapping[str, str], variable: str) -> float:
    text = environ.get(variable, "") or _DEFAULT_MS[variable]
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise StartupError(f"{variable} must be whole milliseconds, more than 0, not {text!r}")
    return int(text) / 1000


def _resource(environ: Mapping[str, str], service: str) -> dict[str, str]:
    attributes = _pairs(environ, "OTEL_RESOURCE_ATTRIBUTES")
    own_name = environ.get("OTEL_SERVICE_NAME", "")
    name = own_name or attributes.get("service.name", service)
    itself = {VERSION.name: version(), "service.instance.id": str(uuid.uuid4())}
    return {**itself, **attributes, "service.name": name}


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
