"""The implementations that the suite runs against: each is started once, as a process."""

import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
import yaml
from processes import free_ports, process, wait_until_serving

from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub

if TYPE_CHECKING:
    from vllm_service import VllmService

    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

INFERENCE = "failsoft.inference.v1.InferenceService"


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


@contextmanager
def router() -> Iterator[Implementation]:
    """The router, in front of a provider look-alike."""
    port, admin_port, upstream_port = free_ports(3)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        upstream = ["-m", "failsoft_upstream", "--port", str(upstream_port)]
        stack.enter_context(process(upstream, folder=folder))
        target = {
            "provider": "openai",
            # One that takes stop strings, as the models do not that reason.
            "model": "gpt-4.1-mini",
            "endpoint": f"http://127.0.0.1:{upstream_port}/v1",
            "allow_private": True,
        }
        policy = folder / "policy.yaml"
        policy.write_text(
            yaml.safe_dump({"targets": {"cloud": target}, "routes": {"chat": {"hops": ["cloud"]}}})
        )
        variables = {
            "FAILSOFT_ROUTER_ADDRESS": f"127.0.0.1:{port}",
            "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{admin_port}",
            "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
            "FAILSOFT_ROUTER_REFLECTION": "true",
        }
        stack.enter_context(process(["-m", "failsoft_router"], folder=folder, variables=variables))
        wait_until_serving(f"127.0.0.1:{port}", INFERENCE)
        yield Implementation(target=f"127.0.0.1:{port}", model="chat")


@contextmanager
def local_llm() -> Iterator[Implementation]:
    """local-llm with the small model."""
    (port,) = free_ports(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        variables = {"FAILSOFT_LOCAL_LLM_ADDRESS": f"127.0.0.1:{port}"}
        stack.enter_context(
            process(["-m", "failsoft_local_llm"], folder=folder, variables=variables)
        )
        wait_until_serving(f"127.0.0.1:{port}", INFERENCE)
        yield Implementation(target=f"127.0.0.1:{port}", model="smollm2-135m-instruct")


ON_VLLM = "local-llm on vLLM"
IMPLEMENTATIONS: Mapping[str, Callable[[], AbstractContextManager[Implementation]]] = {
    "reference": reference,
    "router": router,
    "local-llm": local_llm,
}
PARAMETERS = [*IMPLEMENTATIONS, pytest.param(ON_VLLM, marks=pytest.mark.vllm)]


@pytest.fixture(scope="session", params=PARAMETERS)
def implementation(request: pytest.FixtureRequest) -> Iterator[Implementation]:
    if request.param == ON_VLLM:
        service: VllmService = request.getfixturevalue("tiny")
        service.wait_until_serving()
        yield Implementation(target=service.address, model="tiny")
        return
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
