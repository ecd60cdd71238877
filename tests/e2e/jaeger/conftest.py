"""A stack whose first provider fails, and the Jaeger that its spans go to."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from jaeger_query import Jaeger
from lookalike_process import lookalike

from failsoft_cli.addresses import Ports, on_loopback
from failsoft_upstream import faults

if TYPE_CHECKING:
    from tests.e2e.conftest import StartUp, Up

ALL_ARE_READY = "stop: Ctrl-C"
POLICY = """\
targets:
  cloud:
    provider: openai
    endpoint: "{cloud}"
    allow_private: true
    model: gpt-5-mini
    attempts: 1
    breaker: {{consecutive_failures: 1000}}
  local-llama:
    provider: failsoft
    endpoint: "{local_llm}"
    model: smollm2-135m-instruct
    kind: gpu
routes:
  chat: {{default: true, hops: [cloud, local-llama]}}
"""


def given(variable: str) -> str:
    """What the environment says of Jaeger; without it the test is skipped."""
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"there is no Jaeger: {variable} is not set; `make test-jaeger` starts one")
    return value


@pytest.fixture(scope="session")
def jaeger() -> Jaeger:
    return Jaeger(given("JAEGER_QUERY_URL"))


@pytest.fixture(scope="session")
def otlp_endpoint() -> str:
    """Where it takes spans, over gRPC."""
    return given("OTLP_ENDPOINT")


@pytest.fixture(scope="session")
def jaeger_binary() -> str:
    """The program, which is a collector as well."""
    return given("JAEGER_BINARY")


@pytest.fixture(scope="module")
def falling_back(
    start_up: "StartUp", otlp_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Up"]:
    """Every service with its spans going to Jaeger; the cloud fails, the local model answers."""
    with lookalike() as cloud:
        cloud.control.set_fault(faults.Status(status=500))

        def policy(ports: Ports) -> str:
            return POLICY.format(cloud=cloud.base_url, local_llm=on_loopback(ports.local_llm))

        folder = tmp_path_factory.mktemp("jaeger")
        with start_up(folder, "--otlp", otlp_endpoint, policy=policy) as up:
            up.wait_for(ALL_ARE_READY)
            yield up
