"""The collector's configuration in deploy/ keeps what it says, in a real collector."""

import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jaeger_query import wait_until
from processes import free_ports
from span_collector import Collector, collecting

from failsoft_kit.clock import SystemClock
from failsoft_kit.telemetry import Telemetry, telemetry_from

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CONFIG = Path(__file__).resolve().parents[3] / "deploy/observability/collector/config.yaml"
END_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A collector with our configuration, and what it sends kept traces to.

    Attributes:
        endpoint: Where it takes spans and metrics.
        metrics: Where Prometheus would read.
    """

    endpoint: str
    metrics: str
    backend: Collector

    async def send(self, telemetry: Telemetry) -> None:
        """Flush; all of it has been taken then."""
        assert telemetry.recorder is not None
        assert telemetry.push is not None
        await telemetry.recorder.close(within=END_SECONDS)
        await telemetry.push.close(within=END_SECONDS)
        assert telemetry.recorder.dropped == 0

    def telemetry(self) -> Telemetry:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint}
        return telemetry_from(environ, service="failsoft-router", clock=SystemClock())

    def kept_until(self, witness: str) -> set[str]:
        """The traces that came before and with this one."""
        kept: set[str] = set()
        while witness not in kept:
            kept.add(self.backend.received.get(timeout=END_SECONDS).trace_id.hex())
        return kept


@pytest.fixture(scope="module")
def collector(jaeger_binary: str) -> Iterator[Running]:
    """One that decides after a second, and keeps nothing by chance."""
    otlp, http, metrics, health = free_ports(4)
    with collecting() as backend:
        process = subprocess.Popen(
            [jaeger_binary, "--config", str(CONFIG)],
            env={
                "TRACES_BACKEND": backend.endpoint.removeprefix("http://"),
                "SAMPLED_PERCENT": "0",
                "DECISION_WAIT": "1s",
                "OTLP_GRPC": f"127.0.0.1:{otlp}",
                "OTLP_HTTP": f"127.0.0.1:{http}",
                "METRICS": f"127.0.0.1:{metrics}",
                "HEALTH": f"127.0.0.1:{health}",
            },
        )
        try:
            assert wait_until(lambda: read(f"http://127.0.0.1:{health}/status"))
            yield Running(
                endpoint=f"http://127.0.0.1:{otlp}",
                metrics=f"http://127.0.0.1:{metrics}/metrics",
                backend=backend,
            )
        finally:
            process.terminate()
            process.wait(timeout=END_SECONDS)


def read(url: str) -> str | None:
    """What is there; None: nobody, or nothing."""
    try:
        with urllib.request.urlopen(url, timeout=END_SECONDS) as answer:  # noqa: S310
            text: str = answer.read().decode()
    except OSError:
        return None
    return text or None


def trace(
    telemetry: Telemetry, *, fallback: bool = False, first_content: float = 0.2, error: str = ""
) -> str:
    """A walk with one attempt, as the router records them; its id.

    Args:
        first_content: Seconds to the attempt's first content.
        error: Of the attempt; empty: none.
    """
    walk = telemetry.tracer.start("failsoft.walk", attributes={"failsoft.fallback.used": fallback})
    with walk.active(), telemetry.tracer.start("chat gpt-5-mini") as attempt:
        attempt.set("gen_ai.response.time_to_first_chunk", first_content)
        if error:
            attempt.fail(error)
    walk.end()
    return walk.trace_id


def test_the_collector_takes_the_configuration(jaeger_binary: str) -> None:
    checked = subprocess.run(
        [jaeger_binary, "validate", "--config", str(CONFIG)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr


async def test_what_is_worth_a_look_is_kept_and_the_rest_is_not(collector: Running) -> None:
    first = collector.telemetry()
    plain = trace(first)
    worth = {
        trace(first, fallback=True),
        trace(first, error="transient"),
        trace(first, first_content=10.5),
    }
    await collector.send(first)
    later = collector.telemetry()
    witness = trace(later, fallback=True)
    await collector.send(later)

    kept = collector.kept_until(witness)

    assert kept == {*worth, witness}
    assert plain not in kept


async def test_metrics_are_there_for_prometheus(collector: Running) -> None:
    await collector.send(collector.telemetry())

    def told() -> bool | None:
        return "failsoft_build_info{" in (read(collector.metrics) or "") or None

    assert wait_until(told)
