"""The state of targets as messages."""

from urllib.parse import urlsplit

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_kit.wire.enums import SKIP_REASON, EnumMap
from failsoft_kit.wire.inference import CAPABILITY, ERROR_CLASS, fill_duration
from failsoft_router.app.targets.state import CredentialState, GateState, HealthState, TargetState
from failsoft_router.core.breaker import State
from failsoft_router.core.endpoints import EndpointState
from failsoft_router.core.member import Standing
from failsoft_router.core.policy import Provider, TargetKind

_STATE = EnumMap(State, pb.BreakerState)
_KIND = EnumMap(TargetKind, pb.TargetKind)
_STANDING = EnumMap(Standing, pb.EndpointState)
CREDENTIAL = EnumMap(CredentialState, pb.CredentialState)


def fill_target(into: pb.Target, state: TargetState, *, now: float) -> None:
    """Write a target as it stands.

    Args:
        now: From which on what is due is counted.
    """
    policy = state.policy
    into.name = policy.name
    into.provider = policy.provider.value
    into.model = policy.model
    into.endpoint = _without_path(policy.endpoint, policy.provider)
    into.kind = _KIND.number[policy.kind]
    into.capabilities.extend(sorted(CAPABILITY.number[each] for each in policy.capabilities))
    into.context_tokens = policy.context_tokens
    into.has_credential = state.credential is not CredentialState.MISSING
    into.credential = CREDENTIAL.number[state.credential]
    into.calls_in_flight = state.calls_in_flight
    into.concurrency = policy.concurrency
    into.tokens_in_flight = state.tokens_in_flight
    into.most_tokens_in_flight = policy.tokens_in_flight
    if state.usual is not None:
        fill_duration(into.usual_first_content, state.usual)
    fill_breaker(into.breaker, state.health, now=now)
    for gate in state.gates:
        fill_gate(into.gates.add(), gate, now=now)
    for endpoint in state.endpoints:
        _fill_endpoint(into.endpoints.add(), endpoint, now=now)


def fill_breaker(into: pb.Breaker, health: HealthState, *, now: float) -> None:
    """Write a breaker; see `fill_target`."""
    into.state = _STATE.number[health.state]
    into.consecutive_failures = health.consecutive_failures
    into.window_calls = health.counts.calls
    into.window_failures = health.counts.failures
    into.window_slow = health.counts.slow
    into.fallen_silent = health.fallen_silent
    if health.last_error is not None:
        into.last_error = ERROR_CLASS.number[health.last_error]
    if health.state is not State.CLOSED:
        fill_duration(into.due_in, max(0.0, (health.due_at or now) - now))
    if health.changed_at is not None:
        fill_duration(into.last_transition_ago, now - health.changed_at)


def fill_gate(into: pb.Gate, gate: GateState, *, now: float) -> None:
    """Write another gate; see `fill_target`."""
    into.skip_reason = SKIP_REASON.number[gate.skip_reason]
    into.shut = gate.shut
    into.detail = gate.detail
    if gate.last_error is not None:
        into.last_error = ERROR_CLASS.number[gate.last_error]
    if gate.due_at is not None:
        fill_duration(into.due_in, max(0.0, gate.due_at - now))
    if gate.changed_at is not None:
        fill_duration(into.last_transition_ago, now - gate.changed_at)


def _fill_endpoint(into: pb.Endpoint, endpoint: EndpointState, *, now: float) -> None:
    into.address = endpoint.address
    into.state = _STANDING.number[endpoint.standing]
    into.calls_in_flight = endpoint.calls_in_flight
    if endpoint.due_at is not None:
        fill_duration(into.due_in, max(0.0, endpoint.due_at - now))


def _without_path(endpoint: str, provider: Provider) -> str:
    if provider is Provider.FAILSOFT:
        return endpoint
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"
