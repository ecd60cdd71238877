"""The small programs that a measurement needs beside the services.

    python -m benchmarks.programs echo|collector

Each prints its port and serves until it is ended.
"""

import asyncio
import sys

import grpc
import uvloop

ECHO = "/failsoft.benchmarks.Echo/Echo"
EXPORTS = (
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
)


async def serve(*methods: str, echo: bool) -> None:
    """Unary methods that answer with their request, or with nothing."""

    async def answer(request: bytes, context: object) -> bytes:
        return request if echo else b""

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    for method in methods:
        service, name = method[1:].split("/")
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {name: handler}),)
        )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    """Serve what the first argument names."""
    program = sys.argv[1]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if program == "echo":
            runner.run(serve(ECHO, echo=True))
        else:
            runner.run(serve(*EXPORTS, echo=False))


if __name__ == "__main__":
    main()
