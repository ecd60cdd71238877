"""What is measured of the queue and of engines."""

from collections.abc import Callable, Sequence

from failsoft_kit.telemetry import Meter, current_context
from failsoft_local_llm import telemetry
from failsoft_local_llm.core.admission.ticket import Reason
from failsoft_local_llm.core.lives import EngineEvent
from failsoft_local_llm.ports import Candidate
from failsoft_model.walk import Load


class QueueMetrics:
    """Measures those who wait."""

    def __init__(self, meter: Meter) -> None:
        refused = meter.counter(telemetry.REFUSED)
        self._refused = {reason: refused.cell(reason.value) for reason in Reason}
        self._waited = meter.histogram(telemetry.WAITED).cell()

    def refused(self, reason: Reason) -> None:
        """A request was sent away."""
        self._refused[reason].add()

    def waited(self, seconds: float) -> None:
        """It was a request's turn after that time."""
        self._waited.observe(seconds, current_context())


class EngineMetrics:
    """Measures what happens to engines.

    Args:
        candidates: Whose names may be told.
    """

    def __init__(self, meter: Meter, *, candidates: Sequence[Candidate]) -> None:
        profile = {telemetry.PROFILE: [each.profile for each in candidates]}
        self._meter = meter
        self._names = {
            **profile,
            telemetry.RESPONSE_MODEL: [each.name for each in candidates],
            telemetry.PROVIDER: [each.engine for each in candidates],
        }
        self._events = meter.counter(telemetry.EVENTS, profile)
        self._starts = meter.histogram(telemetry.START_DURATION, profile)
        for event in EngineEvent:
            for candidate in candidates:
                self._events.cell(event.value, candidate.profile)

    def happened(self, event: EngineEvent, candidate: Candidate) -> None:
        """That happened to an engine of that candidate."""
        self._events.cell(event.value, candidate.profile).add()

    def started(self, candidate: Candidate, *, took: float) -> None:
        """It answers, that many seconds after its start began."""
        self.happened(EngineEvent.STARTED, candidate)
        self._starts.cell(candidate.profile).observe(took)

    def watch(self, serving: Callable[[], tuple[Candidate, int] | None]) -> None:
        """Follow which model answers.

        Args:
            serving: The candidate and its rung, 0 for the best; None: none answers.
        """

        def up() -> dict[tuple[str, ...], float]:
            return {(): float(serving() is not None)}

        def degraded() -> dict[tuple[str, ...], float]:
            now = serving()
            return {(): float(now is not None and now[1] > 0)}

        def info() -> dict[tuple[str, ...], float]:
            now = serving()
            return {} if now is None else {(now[0].name, now[0].engine, now[0].profile): 1}

        self._meter.watch(telemetry.UP, up)
        self._meter.watch(telemetry.DEGRADED, degraded)
        self._meter.watch(telemetry.INFO, info, self._names)


def watch_load(meter: Meter, load: Callable[[], Load]) -> None:
    """Follow how busy queue and engine are."""
    meter.watch(telemetry.WAITING, lambda: {(): load().waiting})
    meter.watch(telemetry.WAITING_TOKENS, lambda: {(): load().waiting_tokens})
    meter.watch(telemetry.RUNNING, lambda: {(): load().running})
    meter.watch(telemetry.KV_RESERVED, lambda: {(): load().running_tokens})
    meter.watch(
        telemetry.KV_CAPACITY,
        lambda: {(): room} if (room := load().capacity_tokens) else {},
    )
