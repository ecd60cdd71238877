"""What the suites of more than one folder ask: one service with real vLLM for the whole session."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from span_collector import Collector, collecting
from vllm_service import VllmService, model, vllm_service

ADAPTER = "tiny-adapted"


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Takes the spans of the service with the tiny model."""
    with collecting() as running:
        yield running


@pytest.fixture(scope="session")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes a caller of it one of our services, which may speak for any tenant."""
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(secrets.token_hex(32))
    return file


@pytest.fixture(scope="session")
def tiny(collector: Collector, token_file: Path) -> Iterator[VllmService]:
    """With a model of random weights, which is quick on two cores. Tests may kill its engine."""
    with vllm_service(
        model("tiny"),
        max_sequences="4",
        max_waiting="64",
        adapters=f"{{{ADAPTER}: {model('adapter')}}}",
        tool_parser="llama3_json",
        service_token_file=str(token_file),
        environ={
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "VLLM_LOGGING_LEVEL": "INFO",
        },
    ) as service:
        yield service
