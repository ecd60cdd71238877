"""vLLM's own metrics, as they stand: `vllm:*`, counted in our process by Prometheus's library."""

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

_PREFIX = "vllm:"


class VllmMetrics(Collector):
    """All of them while vLLM answers; those of an engine that has ended would stand still.

    Args:
        answers: Whether it does; asked in any thread.
    """

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers

    def collect(self) -> Iterable[Metric]:
        if not self._answers():
            return []
        return [metric for metric in REGISTRY.collect() if metric.name.startswith(_PREFIX)]
