"""How the router and all that it depends on are, as one value, and what is wrong in sentences."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from failsoft_model.walk import SkipReason
from failsoft_router.app.health.neighbourhood import ServiceState
from failsoft_router.app.targets.reload import Standing
from failsoft_router.app.targets.state import CredentialState, GateState, TargetState
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import RoutePolicy
from failsoft_router.core.recent_walks import WalkCounts


class Status(enum.Enum):
    """How it is as a whole."""

    READY = "ready"
    DEGRADED = "degraded"
    """It answers; somebody who could help to is missing."""
    NOT_READY = "not_ready"
    """It takes no more requests: it drains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstContent:
    """How long a target's last answers took to their first content.

    Attributes:
        usual: Seconds, the median; None: there was no answer.
        slow: Seconds within which 95 % of them came; None: there was no answer.
        answers: How many they are.
    """

    usual: float | None
    slow: float | None
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """A target's state, and its speed."""

    state: TargetState
    first_content: FirstContent

    @property
    def why(self) -> str:
        """What keeps calls of walks from it; empty: nothing."""
        return "; ".join(obstacles(self.state))

    @property
    def ready(self) -> bool:
        """Whether a walk calls it, and not as a probe. Having no place free is no illness."""
        return not self.why

    @property
    def is_missed(self) -> bool:
        """Whether it is out although it has all that it needs to be called.

        A policy may name targets whose keys are not there; it works with those that are.
        """
        return not self.ready and self.state.credential is not CredentialState.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """All of it.

    Attributes:
        now: The moment that it is of; all others are of the same clock.
        began: When the process began to serve.
        services: The router itself is the first.
        targets: In the policy's order.
        routes: By their names.
        walks: Those that ended lately.
    """

    now: float
    began: float
    policy: Standing
    services: tuple[ServiceState, ...]
    targets: tuple[TargetHealth, ...]
    routes: Mapping[str, RoutePolicy]
    walks: WalkCounts

    @property
    def status(self) -> Status:
        """In a word; degraded where there is something to say."""
        if not self.services[0].sight.ready:
            return Status.NOT_READY
        return Status.DEGRADED if self.why else Status.READY

    @property
    def why(self) -> tuple[str, ...]:
        """A sentence for each thing that is not as it should be."""
        return (
            *(
                f"service {each.name}: {each.sight.why}"
                for each in self.services
                if not each.sight.ready or each.sight.degraded
            ),
            *(
                f"target {each.state.policy.name}: {each.why}"
                for each in self.targets
                if each.is_missed
            ),
            *(f"route {name}: none of its targets is ready" for name in self._lost_routes()),
        )

    def _lost_routes(self) -> Iterator[str]:
        ready = {each.state.policy.name: each.ready for each in self.targets}
        for name, route in self.routes.items():
            targets = [hop for hop in route.hops if hop in ready]
            if targets and not any(ready[hop] for hop in targets):
                yield name


def obstacles(state: TargetState) -> Iterator[str]:
    """What keeps calls of walks from a target, probes aside; a sentence's part for each."""
    if state.credential is CredentialState.MISSING:
        yield "it has no credential"
    match state.health.state:
        case State.OPEN:
            last = state.health.last_error
            yield "its breaker is open" + (f" after {last.value}" if last is not None else "")
        case State.HALF_OPEN:
            yield "its breaker lets probes through only"
        case State.CLOSED if state.health.fallen_silent:
            yield "it has fallen silent"
        case State.CLOSED:
            pass
    yield from (gate.detail or gate.skip_reason.value for gate in _shut(state.gates))


def _shut(gates: Iterable[GateState]) -> Iterator[GateState]:
    return (gate for gate in gates if gate.shut and gate.skip_reason is not SkipReason.BULKHEAD)
