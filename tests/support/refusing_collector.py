"""A collector of spans that can be told to refuse what it gets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass(slots=True, kw_only=True)
class RefusingCollector:
    """Takes everything, and keeps nothing, unless `refuses`."""

    endpoint: str = ""
    refuses: bool = False

    def export(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        """One batch, which nobody should send again where it is refused."""
        if self.refuses:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such thing")
        return b""


@contextmanager
def refusing_collector() -> Iterator[RefusingCollector]:
    """One that runs on threads of its own for as long as the block lasts."""
    collector = RefusingCollector()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        collector.export
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),)
    )
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=None).wait()
