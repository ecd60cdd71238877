"""The implementations that the suite runs against: each is started once, as a process."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """An InferenceService that is ready."""

    target: str
    """Its address."""
    model: str
    """A name to ask for; whoever answers it does what it is told, so not a mock."""


@contextmanager
def reference() -> Iterator[Implementation]:
    """The suite's own."""
    program = Path(__file__).with_name("reference_server.py")
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Implementation(target=f"127.0.0.1:{port}", model="counter")


IMPLEMENTATIONS: Mapping[str, Callable[[], AbstractContextManager[Implementation]]] = {
    "reference": reference,
}


@pytest.fixture(scope="session", params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest) -> Iterator[Implementation]:
    with IMPLEMENTATIONS[request.param]() as started:
        yield started


@pytest.fixture
def model(implementation: Implementation) -> str:
    return implementation.model


@pytest.fixture
async def channel(implementation: Implementation) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.enable_retries", 0), ("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(implementation.target, options=options) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "InferenceServiceAsyncStub":
    return InferenceServiceStub(channel)
