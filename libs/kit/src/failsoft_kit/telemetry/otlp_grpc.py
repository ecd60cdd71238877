"""OTLP over gRPC."""

import enum
from collections.abc import Mapping
from urllib.parse import urlsplit

import grpc

from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.telemetry.export import ExportFailed, Unwanted, refused


class Signal(enum.Enum):
    """What is sent; the value is its name in variables and in HTTP's paths."""

    TRACES = "traces"
    METRICS = "metrics"


_METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


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

    async def export(self, request: bytes) -> int:
        """Send one batch; how much of it was refused. Raises `ExportFailed`."""
        try:
            reply = await self._export(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from error
        except Exception as error:  # gRPC has no common class for a header that is none
            problem = f"it cannot be sent: {type(error).__name__}"
            raise ExportFailed(problem, again=False) from error
        return refused(reply)

    async def close(self) -> None:
        """Close the channel at once."""
        await self._channel.close()


def _failure(error: grpc.aio.AioRpcError) -> ExportFailed:
    """What the status means, by OTLP's table: who is exhausted has to say when it will not be."""
    problem = f"{error.code().name}: {error.details()}"
    after = from_rpc_error(error).retry_after
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return Unwanted(problem)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return ExportFailed(problem, again=after is not None, after=after)
        case code:
            return ExportFailed(problem, again=code in _TRANSIENT, after=after)
