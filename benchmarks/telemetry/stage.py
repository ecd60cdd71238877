"""Routers that tell more or less of themselves, and what they share."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.against.stage import CHUNKS, Server, policy
from benchmarks.processes import announced, first_line, free_port, start, wait_until_connected

OFF, SPANS, METRICS, BOTH = "off", "spans", "metrics", "both"
UNMEASURED = "benchmarks.telemetry.unmeasured"
PUSH_MILLISECONDS = "10000"
"""Six times as often as by default, so that pushes are in every round's figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Whoever takes turns: the routers by what they tell."""

    routers: Mapping[str, Server]
    echo: Server


@contextmanager
def running_stage() -> Iterator[Stage]:
    """Everything that is measured, and what it needs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="failsoft-bench-")))
        echo, echo_port = announced(stack, ["-m", "benchmarks.programs", "echo"])
        _, collector = announced(stack, ["-m", "benchmarks.programs", "collector"])
        lookalike = start(
            stack, ["-m", "failsoft_upstream", "--port", "0", "--chunks", str(CHUNKS)]
        )
        upstream = first_line(lookalike).removeprefix("listening on ")
        file = folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy(upstream)))
        url = f"http://127.0.0.1:{collector}"
        spans = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url}
        metrics = {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": url,
            "OTEL_METRIC_EXPORT_INTERVAL": PUSH_MILLISECONDS,
        }
        yield Stage(
            routers={
                OFF: _router(stack, UNMEASURED, file, {}),
                SPANS: _router(stack, UNMEASURED, file, spans),
                METRICS: _router(stack, "failsoft_router", file, metrics),
                BOTH: _router(stack, "failsoft_router", file, {**spans, **metrics}),
            },
            echo=Server(address=f"127.0.0.1:{echo_port}", pid=echo.pid),
        )


def _router(stack: ExitStack, module: str, policy: Path, variables: Mapping[str, str]) -> Server:
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{free_port()}",
        "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
        "FAILSOFT_ROUTER_LOG__LEVEL": "error",
    }
    router = start(stack, ["-m", module], {**settings, **variables})
    wait_until_connected(address, router)
    return Server(address=address, pid=router.pid)
