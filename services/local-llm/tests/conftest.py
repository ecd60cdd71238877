"""Fixtures of this service's tests: tiny model files, and the service with its real engine."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel

if TYPE_CHECKING:
    import grpc

Value = int | str | list[str] | list[int]
MakeGguf = Callable[..., bytes]
Service = tuple[psutil.Popen, str]
StartService = Callable[..., AbstractContextManager[Service]]

SERVICE = "failsoft.inference.v1.InferenceService"
STOP_SECONDS = 15.0


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _string(value)
        case int():
            return struct.pack("<II", 4, value)
        case _:
            return struct.pack("<I", 9) + _array(value)


def _array(values: list[str] | list[int]) -> bytes:
    items = [_string(each) if isinstance(each, str) else struct.pack("<I", each) for each in values]
    kind = 8 if values and isinstance(values[0], str) else 4
    return struct.pack("<IQ", kind, len(values)) + b"".join(items)


TINY: Mapping[str, Value] = {
    "general.architecture": "llama",
    "llama.context_length": 64,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": ["<s>", "</s>", "a", "b"],
    "tokenizer.ggml.token_type": [3, 3, 1, 1],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 1,
    "tokenizer.chat_template": "{{ messages[0]['content'] }}",
}


@pytest.fixture
def make_gguf() -> MakeGguf:
    """Makes a GGUF file of one float tensor with four elements; the metadata may be changed.

    A value of None takes the entry away.
    """

    def make(**changes: Value | None) -> bytes:
        named = {name.replace("__", "."): value for name, value in changes.items()}
        merged = {**TINY, **named}
        entries = {key: value for key, value in merged.items() if value is not None}
        header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries))
        for key, value in entries.items():
            header += _string(key) + _typed(value)
        header += _string("w") + struct.pack("<IQIQ", 1, 4, 0, 0)
        return header + bytes(-len(header) % 32) + bytes(16)

    return make


def logged(process: psutil.Popen) -> Iterator[dict[str, Any]]:
    """What the process logs, until it ends."""
    for line in process.stderr:
        yield json.loads(line)


def port_of(process: psutil.Popen) -> int:
    """The port, once the service answers and its engine's process has been started."""
    ports: list[int] = []
    engine_started = False
    for event in logged(process):
        ports = ports or event.get("ports", [])
        engine_started = engine_started or event["event"] == "engine.started"
        if ports and engine_started:
            return ports[0]
    raise AssertionError("the service has ended")


@contextmanager
def started(**settings: str) -> Iterator[Service]:
    """A service on a free port whose model is loading, and its address; stopped at the end."""
    variables = {f"FAILSOFT_LOCAL_LLM_{name.upper()}": value for name, value in settings.items()}
    process = psutil.Popen(
        [sys.executable, "-m", "failsoft_local_llm"],
        env={**os.environ, "FAILSOFT_LOCAL_LLM_ADDRESS": "127.0.0.1:0", **variables},
        stderr=subprocess.PIPE,
    )
    with process:
        reader = threading.Thread(target=lambda: list(logged(process)))
        try:
            address = f"127.0.0.1:{port_of(process)}"
            reader.start()
            yield process, address
        finally:
            if process.is_running():
                process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)
            reader.join()


@pytest.fixture(scope="session")
def start_service() -> StartService:
    return started


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """The service that most tests share; it stops well or fails the session."""
    with started() as running:
        yield running
    assert running[0].returncode == 0


@pytest.fixture
async def channel(service: Service) -> AsyncIterator["grpc.aio.Channel"]:
    async with open_channel(service[1]) as opened:
        yield opened


@pytest.fixture
async def stub(channel: "grpc.aio.Channel") -> "pb_grpc.InferenceServiceAsyncStub":
    """A client, once the model is ready."""
    await ready(channel)
    return pb_grpc.InferenceServiceStub(channel)


async def ready(channel: "grpc.aio.Channel") -> None:
    """Returns when the model answers."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    async for reply in watch:
        if reply.status == health_pb2.HealthCheckResponse.SERVING:
            break
    watch.cancel()


@pytest.fixture(scope="session")
def wait_until_ready() -> "Callable[[grpc.aio.Channel], Awaitable[None]]":
    return ready


@pytest.fixture
def engine_process(service: Service) -> Callable[[], psutil.Process]:
    """Finds the process that runs the model now."""

    def find() -> psutil.Process:
        [child] = service[0].children()
        return child

    return find
