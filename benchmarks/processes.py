"""Programs under measurement, as processes of their own, and the CPU time they use."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import grpc

_LOOK_SECONDS = 0.5
_END_SECONDS = 60.0


def start(
    stack: ExitStack,
    arguments: Sequence[str],
    extra: Mapping[str, str] | None = None,
    *,
    asked: bool = False,
) -> subprocess.Popen[str]:
    """Start a Python program, which ends with the stack; its complaints are shown.

    Args:
        extra: Variables besides those that are there.
        asked: Whether it is asked through its stdin, which is a pipe then.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(extra or {})},
        stdin=subprocess.PIPE if asked else None,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(_end, process)
    return process


def first_line(process: subprocess.Popen[str]) -> str:
    """The next line that it prints; empty when it has ended."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe, see `start`
    return process.stdout.readline().strip()


def announced(stack: ExitStack, arguments: Sequence[str]) -> tuple[subprocess.Popen[str], int]:
    """A program that prints its port, and that port."""
    process = start(stack, arguments)
    return process, int(first_line(process))


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


def wait_until_connected(address: str, process: subprocess.Popen[str]) -> None:
    """Return when a gRPC server listens there.

    Raises:
        RuntimeError: The process that should has ended.
    """
    with grpc.insecure_channel(address) as channel:
        ready = grpc.channel_ready_future(channel)
        while process.poll() is None:
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(timeout=_LOOK_SECONDS)
                return
    raise RuntimeError(f"{process.args!r} ended with {process.returncode}")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=_END_SECONDS)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
