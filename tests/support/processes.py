"""Services as processes of their own, for tests that must not share one with them."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

START_SECONDS = 60.0
"""A model may have to be loaded, on a machine that has other things to do."""


def free_ports(count: int) -> list[int]:
    """That many different ports, free a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def dead_port() -> Iterator[int]:
    """A port on which nobody listens, nor can within the block: one that was only free a moment
    ago may be the next that the system gives to somebody else."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def process(
    arguments: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    python: Sequence[str] = (sys.executable,),
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program that is ended with the block; its output goes to `folder`."""
    log = folder / f"{arguments[1]}.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            [*python, *arguments],
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield started
        finally:
            started.terminate()
            started.wait(timeout=START_SECONDS)


def wait_until_serving(address: str, service: str, *, within: float = START_SECONDS) -> None:
    """Return once the health service says so; fails the test when it never does."""
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=within)
        watch: grpc.UnaryStreamMultiCallable[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ] = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        updates = watch(health_pb2.HealthCheckRequest(service=service), timeout=within)
        for update in updates:
            if update.status == health_pb2.HealthCheckResponse.SERVING:
                updates.cancel()
                return
    raise AssertionError(f"{service} at {address} stopped telling how it is")
