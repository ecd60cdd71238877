"""Where the services of one machine send spans and metrics, and how the user is told."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from failsoft_kit.telemetry import endpoint

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_HTTP = "http/protobuf"
_HTTP_PORT = 4318
"""OpenTelemetry's port for HTTP; 4317 is gRPC's."""
_SIGNALS = ("/v1/traces", "/v1/metrics")
_LOOK_SECONDS = 1.0


def fault_of(url: str) -> str:
    """What is wrong with the URL of a collector, as the end of "it …"; empty: nothing."""
    path = urlsplit(url).path.rstrip("/") if not endpoint.fault_of(url) else ""
    if path.endswith(_SIGNALS):
        return f"must not end with {path[path.rindex('/v1/') :]}, which each signal adds by itself"
    return endpoint.fault_of(url)


def variables(url: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with this collector in it.

    A URL with a path, or with the port that OpenTelemetry has for HTTP, is one for HTTP, unless
    the environment says what it is.
    """
    told = {name: value for name, value in environ.items() if name != _OF_TRACES}
    told[_ENDPOINT] = url
    parts = urlsplit(url)
    if not told.get(_PROTOCOL) and (parts.port == _HTTP_PORT or parts.path.strip("/")):
        told[_PROTOCOL] = _HTTP
    return told


async def destination(environ: Mapping[str, str]) -> str | None:
    """Where spans go in this environment, in a sentence; None: nowhere."""
    url = environ.get(_OF_TRACES) or environ.get(_ENDPOINT, "")
    if not url or endpoint.fault_of(url) or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    way = "HTTP" if environ.get(_PROTOCOL) == _HTTP else "gRPC"
    where = f"spans go to {url} by OTLP over {way}"
    if not await _listened_to(url):
        return f"{where}, where nobody listens now: without a collector they are lost"
    return f"{where}; in Jaeger, failsoft.fallback.used=true finds the fallbacks"


async def _listened_to(url: str) -> bool:
    """Whether somebody accepts connections there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError:
        return False
    writer.transport.abort()
    return True
