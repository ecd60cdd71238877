"""The state of a target: its gates and its calls, as an operator wants to know them.

It holds moments of the clock and no durations, so that two states are equal when nothing
but time has passed between them: whoever watches sees by that what has changed.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from failsoft_model.walk import ErrorClass, SkipReason
from failsoft_router.app.targets.place import Place
from failsoft_router.core.breaker import State
from failsoft_router.core.endpoints import EndpointState
from failsoft_router.core.gate import Closure
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.core.window import Counts


class CredentialState(enum.Enum):
    """Whether a target has the credential that its policy names."""

    PRESENT = "present"
    MISSING = "missing"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthState:
    """A health breaker.

    Attributes:
        due_at: The moment from which on a probe may go; None unless it is open.
        last_error: Of the last failure that counted; None when there was none.
        changed_at: The moment of the last transition; None when there was none.
        fallen_silent: It is closed, and others go on all the same: the calls that are out
            will open it, or find the target well.
    """

    state: State
    due_at: float | None
    consecutive_failures: int
    counts: Counts
    last_error: ErrorClass | None
    changed_at: float | None
    fallen_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """A gate beside the breaker.

    Attributes:
        skip_reason: What a hop is skipped for when it is shut.
        due_at: The moment at which it opens; None when it is open, or opens at no known time.
        detail: Why it is shut or was the last time; empty: it never was.
        last_error: That shut it the last time; None when it was no error.
        changed_at: When it last shut or opened; None when it never did, or nobody notes it.
    """

    skip_reason: SkipReason
    shut: bool
    due_at: float | None = None
    detail: str = ""
    last_error: ErrorClass | None = None
    changed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """One target.

    Attributes:
        gates: Shut or not, in the order in which they are asked.
        tokens_in_flight: Of those calls; 0 where the policy does not limit them.
        usual: Seconds to its first content; None when there was none.
        endpoints: Those of a target that has several; empty also when nobody watches them, and in
            an outline.
    """

    policy: TargetPolicy
    credential: CredentialState
    health: HealthState
    gates: tuple[GateState, ...]
    calls_in_flight: int
    tokens_in_flight: int
    usual: float | None
    endpoints: tuple[EndpointState, ...] = ()


def state_of(place: Place, now: float) -> TargetState:
    """The target's state at this moment."""
    state, endpoints = outline_of(place, now), place.gates.endpoints
    return state if endpoints is None else replace(state, endpoints=endpoints.states(now))


def outline_of(place: Place, now: float) -> TargetState:
    """The same without its endpoints, of which there may be hundreds.

    For walks, each of which notes how it found its targets, and for metrics.
    """
    return TargetState(
        policy=place.policy,
        credential=_credential(place),
        health=_health(place, now),
        gates=(
            _isolation(place, now),
            *_absence(place),
            _quarantine(place, now),
            _closed(SkipReason.TARGET_GONE, place.gates.target.last, now),
            _closed(SkipReason.QUOTA, place.gates.last_quota, now),
            _egress(place, now),
            _bulkhead(place),
        ),
        calls_in_flight=place.bulkhead.in_flight,
        tokens_in_flight=place.bulkhead.tokens_in_flight,
        usual=place.history.usual(),
    )


def _credential(place: Place) -> CredentialState:
    if place.policy.credential is None:
        return CredentialState.NOT_NEEDED
    return CredentialState.MISSING if place.lacks_credential else CredentialState.PRESENT


def _health(place: Place, now: float) -> HealthState:
    breaker = place.gates.health
    return HealthState(
        state=breaker.state,
        due_at=breaker.due_at if breaker.state is State.OPEN else None,
        consecutive_failures=breaker.consecutive_failures,
        counts=breaker.counts(now),
        last_error=breaker.last_error,
        changed_at=breaker.changed_at if breaker.transitions else None,
        fallen_silent=place.is_being_settled,
    )


def _isolation(place: Place, now: float) -> GateState:
    last = place.gates.isolation.last
    if last is None:
        return _NEVER_SHUT[SkipReason.ISOLATED]
    shut = now < last.until
    return GateState(
        skip_reason=SkipReason.ISOLATED,
        shut=shut,
        due_at=last.until if shut else None,
        detail=last.sentence,
        changed_at=last.since if shut else last.until,
    )


def _absence(place: Place) -> Iterator[GateState]:
    """The gate of those targets whose endpoints are watched."""
    endpoints = place.gates.endpoints
    if endpoints is not None:
        yield GateState(
            skip_reason=SkipReason.NO_READY_ENDPOINT,
            shut=not endpoints.any_ready,
            detail=place.gates.absence,
            changed_at=endpoints.changed_at,
        )


def _quarantine(place: Place, now: float) -> GateState:
    quarantine, reason = place.gates.quarantine, SkipReason.CREDENTIAL_QUARANTINE
    last = quarantine.last
    if last is not None and now < last.until and quarantine.admits(place.fingerprint, now):
        # Another key is there, and nobody noted when it came.
        return replace(_closed(reason, last, now), shut=False, due_at=None, changed_at=None)
    return _closed(reason, last, now)


def _closed(reason: SkipReason, last: Closure | None, now: float) -> GateState:
    if last is None:
        return _NEVER_SHUT[reason]
    shut = now < last.until
    return GateState(
        skip_reason=reason,
        shut=shut,
        due_at=last.until if shut else None,
        detail=_WORDS.get(last.why, ""),
        last_error=last.why,
        changed_at=last.since if shut else last.until,
    )


def _egress(place: Place, now: float) -> GateState:
    if not place.host or not place.egress.down(now):
        return _NEVER_SHUT[SkipReason.SAME_FATE]
    return GateState(
        skip_reason=SkipReason.SAME_FATE,
        shut=True,
        due_at=place.egress.down_until,
        detail="our own way out of the network is down",
    )


def _bulkhead(place: Place) -> GateState:
    return _FULL if place.bulkhead.full else _NEVER_SHUT[SkipReason.BULKHEAD]


_NEVER_SHUT = {reason: GateState(skip_reason=reason, shut=False) for reason in SkipReason}
"""A gate of which nothing is noted."""

_FULL = GateState(
    skip_reason=SkipReason.BULKHEAD,
    shut=True,
    detail="as many calls, or tokens, are in flight as may be",
)

_WORDS = {
    ErrorClass.RATE_LIMITED: "the provider said that there were too many requests",
    ErrorClass.QUOTA: "the provider said that the account has nothing left",
    ErrorClass.CREDENTIAL: "the provider refused the credential",
    ErrorClass.MODEL_GONE: "the provider does not have the model",
    ErrorClass.REGION: "the provider does not serve this place",
}
