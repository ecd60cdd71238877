"""A health report as the document that docs/health.schema.json describes; seconds, rounded."""

from datetime import UTC, datetime

from failsoft_router.app.health.neighbourhood import ServiceState
from failsoft_router.app.health.report import FirstContent, HealthReport, TargetHealth
from failsoft_router.app.targets.reload import Standing
from failsoft_router.app.targets.state import GateState, HealthState
from failsoft_router.core.breaker import State
from failsoft_router.core.recent_walks import WINDOW_SECONDS, WalkCounts
from failsoft_router.core.sight import EngineSight

Json = dict[str, object]


def health_document(report: HealthReport, *, unix: float) -> Json:
    """The document.

    Args:
        unix: The time of the report, in seconds since the epoch.
    """
    now = report.now
    return {
        "status": report.status.value,
        "why": list(report.why),
        "at": datetime.fromtimestamp(unix, tz=UTC).isoformat(timespec="milliseconds"),
        "running_for": _seconds(now - report.began),
        "policy": _policy(report.policy),
        "services": [_service(each, now=now) for each in report.services],
        "targets": [_target(each, now=now) for each in report.targets],
        "walks": _walks(report.walks),
    }


def _policy(standing: Standing) -> Json:
    refused = standing.refused
    return {"in_force": standing.in_force, "refused": None if refused is None else refused.digest}


def _service(service: ServiceState, *, now: float) -> Json:
    sight = service.sight
    return {
        "name": service.name,
        "kind": service.kind.value,
        "ready": sight.ready,
        "degraded": sight.degraded,
        "why": sight.why,
        "age": _seconds(now - service.since),
        "looked_ago": _seconds(now - service.looked_at),
        "engine": None if sight.engine is None else _engine(sight.engine),
    }


def _engine(engine: EngineSight) -> Json:
    return {
        "name": engine.name,
        "profile": engine.profile,
        "answered_by": engine.answered_by,
        "loading": engine.loading,
    }


def _target(target: TargetHealth, *, now: float) -> Json:
    state = target.state
    policy = state.policy
    return {
        "name": policy.name,
        "provider": policy.provider.value,
        "model": policy.model,
        "kind": policy.kind.value,
        "ready": target.ready,
        "why": target.why,
        "credential": state.credential.value,
        "breaker": _breaker(state.health, now=now),
        "gates": [_gate(each, now=now) for each in state.gates],
        "calls_in_flight": state.calls_in_flight,
        "concurrency": policy.concurrency,
        "tokens_in_flight": state.tokens_in_flight,
        "most_tokens_in_flight": policy.tokens_in_flight,
        "first_content": _first_content(target.first_content),
    }


def _breaker(health: HealthState, *, now: float) -> Json:
    due_at = now if health.state is State.HALF_OPEN else health.due_at
    return {
        "state": health.state.value,
        "due_in": _left(due_at, now=now),
        "consecutive_failures": health.consecutive_failures,
        "window_calls": health.counts.calls,
        "window_failures": health.counts.failures,
        "window_slow": health.counts.slow,
        "last_error": None if health.last_error is None else health.last_error.value,
        "last_transition_ago": _ago(health.changed_at, now=now),
        "fallen_silent": health.fallen_silent,
    }


def _gate(gate: GateState, *, now: float) -> Json:
    return {
        "skip_reason": gate.skip_reason.value,
        "shut": gate.shut,
        "due_in": _left(gate.due_at, now=now),
        "detail": gate.detail,
        "last_error": None if gate.last_error is None else gate.last_error.value,
        "last_transition_ago": _ago(gate.changed_at, now=now),
    }


def _first_content(told: FirstContent) -> Json:
    return {"p50": _rounded(told.usual), "p95": _rounded(told.slow), "answers": told.answers}


def _walks(counts: WalkCounts) -> Json:
    return {
        "window": WINDOW_SECONDS,
        "ended": counts.ended,
        "fallback_share": _rounded(counts.fallback_share),
        "by_degradation": {each.value: count for each, count in counts.answered.items()},
        "unanswered": counts.unanswered,
    }


def _left(until: float | None, *, now: float) -> float | None:
    return None if until is None else _seconds(max(0.0, until - now))


def _ago(moment: float | None, *, now: float) -> float | None:
    return None if moment is None else _seconds(now - moment)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _seconds(number: float) -> float:
    return round(number, 3)
