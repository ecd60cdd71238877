"""What every service tells of its own process."""

import asyncio
import importlib.metadata
import platform

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.meter import Meter
from failsoft_kit.telemetry.names import AttributeName, MetricName, MetricType, Name, ValueType

VERSION = AttributeName(
    name="service.version", type=ValueType.STRING, description="Failsoft's own version."
)
_PYTHON = AttributeName(
    name="process.runtime.version", type=ValueType.STRING, description="Python's version."
)

BUILD_INFO = MetricName(
    name="failsoft.build.info",
    type=MetricType.GAUGE,
    unit="",
    description="Always 1; its labels say what runs.",
    labels=(VERSION, _PYTHON),
)
LOOP_LAG = MetricName(
    name="failsoft.event_loop.lag",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="How late the event loop turned to what was due, looked at four times a second.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
SPANS_DROPPED = MetricName(
    name="failsoft.telemetry.spans.dropped",
    type=MetricType.COUNTER,
    unit="{span}",
    description="Spans that were lost because the collector was away or too slow.",
)

PROCESS_NAMES: tuple[Name, ...] = (BUILD_INFO, LOOP_LAG, SPANS_DROPPED)

_LOOK_SECONDS = 0.25


def version() -> str:
    """Failsoft's own version."""
    return importlib.metadata.version("failsoft-kit")


def tell_build(meter: Meter) -> None:
    """Say what runs."""
    runs = {VERSION.name: version(), _PYTHON.name: platform.python_version()}
    labels = meter.gauge(BUILD_INFO, {name: [value] for name, value in runs.items()})
    labels.cell(*runs.values()).set(1)


async def watch_loop(meter: Meter, *, clock: Clock) -> None:
    """Measure the event loop that it runs on, until cancelled."""
    lag = meter.histogram(LOOP_LAG).cell()
    while True:
        due = clock.now() + _LOOK_SECONDS
        await asyncio.sleep(_LOOK_SECONDS)
        lag.observe(max(0.0, clock.now() - due))
