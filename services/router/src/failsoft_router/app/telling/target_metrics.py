"""What is told of the state of each target: read where it is kept, when somebody asks."""

from collections.abc import Callable

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter, MetricName
from failsoft_router import metric_names, span_names
from failsoft_router.app.health.report import obstacles
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.place import Place
from failsoft_router.app.targets.state import outline_of
from failsoft_router.core.breaker import State
from failsoft_router.core.member import Standing


def watch_targets(meter: Meter, board: Board, *, clock: Clock) -> None:
    """Follow the targets of this board, and of no earlier one.

    Targets that share a breaker each tell what it is and does.
    """
    targets = {span_names.HOP_TARGET: [place.policy.name for place in board.places()]}

    def each(name: MetricName, read: Callable[[Place], float]) -> None:
        meter.watch(
            name, lambda: {(place.policy.name,): read(place) for place in board.places()}, targets
        )

    def states() -> dict[tuple[str, ...], float]:
        return {
            (place.policy.name, state.value): float(place.gates.health.state is state)
            for place in board.places()
            for state in State
        }

    def transitions() -> dict[tuple[str, ...], float]:
        return {
            (place.policy.name, state.value): place.gates.health.entered(state)
            for place in board.places()
            for state in State
        }

    def shut() -> dict[tuple[str, ...], float]:
        now = clock.now()
        return {
            (place.policy.name, gate.skip_reason.value): float(gate.shut)
            for place in board.places()
            for gate in outline_of(place, now).gates
        }

    def endpoints() -> dict[tuple[str, ...], float]:
        now = clock.now()
        counts: dict[tuple[str, ...], float] = {
            (place.policy.name, standing.value): 0.0
            for place in board.places()
            if place.gates.endpoints is not None
            for standing in Standing
        }
        for place in board.places():
            for endpoint in place.gates.endpoints.states(now) if place.gates.endpoints else ():
                counts[(place.policy.name, endpoint.standing.value)] += 1.0
        return counts

    meter.watch(metric_names.BREAKER, states, targets)
    meter.watch(metric_names.ENDPOINTS, endpoints, targets)
    meter.watch(metric_names.BREAKER_TRANSITIONS, transitions, targets)
    meter.watch(metric_names.GATE_SHUT, shut, targets)
    each(metric_names.READY, lambda place: not any(obstacles(outline_of(place, clock.now()))))
    each(metric_names.RETRIES, lambda place: place.retries.spent)
    each(metric_names.RETRY_BUDGET, lambda place: place.retries.left(clock.now()))
    each(metric_names.IN_FLIGHT, lambda place: place.bulkhead.in_flight)
    each(metric_names.WAITING, lambda place: place.bulkhead.waiting)
