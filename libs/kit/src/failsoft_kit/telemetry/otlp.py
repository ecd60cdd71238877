"""The two ways to a collector: OTLP over gRPC, and OTLP over HTTP with protobuf bodies."""

import asyncio
import contextlib
import enum
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import grpc

from failsoft_kit.telemetry.recorder import ExportFailed


class Signal(enum.Enum):
    """What is sent; the value is its name in variables and in HTTP's paths."""

    TRACES = "traces"
    METRICS = "metrics"


_METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_TRANSIENT_CODES = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
_HTTP_OK = range(200, 300)


class GrpcExporter:
    """Sends batches to a collector's gRPC port.

    Args:
        endpoint: `http://host:4317` in the clear, `https://…` with TLS.
        headers: Sent as metadata, keys in lower case.
        timeout: Seconds for one batch.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        signal: Signal = Signal.TRACES,
    ) -> None:
        url = urlsplit(endpoint)
        target = url.netloc or url.path
        options = [("grpc.enable_retries", 0)]
        if url.scheme == "https":
            self._channel = grpc.aio.secure_channel(
                target, grpc.ssl_channel_credentials(), options=options
            )
        else:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        self._export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        self._export = self._channel.unary_unary(_METHODS[signal])
        self._metadata = tuple((key.lower(), value) for key, value in headers.items())
        self._timeout = timeout

    async def export(self, request: bytes) -> None:
        """Send one batch; raises `ExportFailed`."""
        try:
            await self._export(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            again = error.code() in _TRANSIENT_CODES
            raise ExportFailed(f"{error.code().name}: {error.details()}", again=again) from error
        except Exception as error:  # gRPC has no common class for a header that is none
            problem = f"it cannot be sent: {type(error).__name__}"
            raise ExportFailed(problem, again=False) from error

    async def close(self) -> None:
        """Close the channel at once."""
        await self._channel.close()


class HttpExporter:
    """Posts batches to a collector's HTTP port, each over a connection of its own.

    A batch leaves at most once a second, so a pool would save nothing worth its code.

    Args:
        url: The whole URL, path included.
        timeout: Seconds for one batch.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str], timeout: float) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._head = _head(self._url, headers)
        self._timeout = timeout

    async def export(self, request: bytes) -> None:
        """Send one batch; raises `ExportFailed`."""
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(request)
        except (OSError, ValueError, IndexError) as error:
            raise ExportFailed(f"no answer: {type(error).__name__}", again=True) from error
        if status not in _HTTP_OK:
            raise ExportFailed(f"HTTP status {status}", again=status in _TRANSIENT_STATUSES)

    async def close(self) -> None:
        """Nothing stays open between batches."""

    async def _post(self, body: bytes) -> int:
        """The status that the collector answered with."""
        port = self._url.port or (443 if self._tls else 80)
        reader, writer = await asyncio.open_connection(self._url.hostname, port, ssl=self._tls)
        try:
            writer.write(self._head + b"Content-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
            status_line = await reader.readline()
            return int(status_line.split()[1])
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _head(url: SplitResult, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {url.path or '/'}{'?' + url.query if url.query else ''} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "Content-Type: application/x-protobuf",
        "Connection: close",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
