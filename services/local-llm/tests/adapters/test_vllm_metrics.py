"""vLLM's own metrics are served as long as vLLM is; what really counts them is in tests/vllm."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY, Gauge

from failsoft_local_llm.adapters.vllm.metrics import VllmMetrics


@pytest.fixture
def counted() -> Iterator[None]:
    """What vLLM and another library count in this process."""
    made = [Gauge("vllm:num_requests_running", "Running."), Gauge("other_library", "Other.")]
    yield
    for each in made:
        REGISTRY.unregister(each)


@pytest.mark.usefixtures("counted")
def test_only_what_vllm_counts_is_told() -> None:
    told = VllmMetrics(lambda: True).collect()
    assert [metric.name for metric in told] == ["vllm:num_requests_running"]


@pytest.mark.usefixtures("counted")
def test_an_engine_that_answers_no_more_tells_nothing() -> None:
    """Its last values would stand there for ever."""
    assert list(VllmMetrics(lambda: False).collect()) == []
