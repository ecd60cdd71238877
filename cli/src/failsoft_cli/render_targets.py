"""What an operator is shown of targets: tables, and sentences about what is wrong."""

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.console import harmless
from failsoft_cli.render import age, seconds, table_of, words
from failsoft_client import word

WIDE = 100
"""Columns from which on a table has room for what is only nice to know."""

_CREDENTIALS = {
    pb.CREDENTIAL_STATE_PRESENT: "present",
    pb.CREDENTIAL_STATE_MISSING: "missing",
    pb.CREDENTIAL_STATE_NOT_NEEDED: "none needed",
}
_BREAKER_STYLES = {
    pb.BREAKER_STATE_CLOSED: "green",
    pb.BREAKER_STATE_OPEN: "red",
    pb.BREAKER_STATE_HALF_OPEN: "yellow",
}
_CHECK_STYLES = {
    pb.CHECK_RESULT_OK: "green",
    pb.CHECK_RESULT_NO_CREDENTIAL: "yellow",
}
_TAKE_CALLS = (pb.ENDPOINT_STATE_READY, pb.ENDPOINT_STATE_ON_TRIAL)


def targets_table(targets: Iterable[pb.Target], *, wide: bool = False) -> Table:
    """Every target: credential, breaker, what else keeps it from being tried.

    Args:
        wide: Also its calls in flight, failures of the last minute, usual first content.
    """
    columns = ["target", "model", "credential", "breaker", "shut gates"]
    if wide:
        columns += ["calls", "failed", "first content"]
    listed = list(targets)
    rows = [list(_target_row(target)[: len(columns)]) for target in listed]
    if any(target.endpoints for target in listed):
        columns.append("endpoints")
        for row, target in zip(rows, listed, strict=True):
            row.append(_ready_of(target) or "-")
    return table_of(columns, rows)


def _target_row(target: pb.Target) -> Sequence[str | Text]:
    state, breaker = credential(target), target.breaker
    usual = target.usual_first_content
    gates = [gate_word(gate.skip_reason) for gate in shut_gates(target)]
    return (
        target.name,
        target.model,
        Text(state, style="yellow" if state == "missing" else ""),
        Text(breaker_state(breaker), style=_BREAKER_STYLES.get(breaker.state, "")),
        Text(", ".join(gates) or "-", style="yellow"),
        _in_flight(target),
        f"{breaker.window_failures} of {breaker.window_calls}",
        f"{seconds(usual):.2f} s" if target.HasField("usual_first_content") else "-",
    )


def _ready_of(target: pb.Target) -> str:
    """How many of its endpoints take calls; empty: it has one, or nobody watches them."""
    ready = [each for each in target.endpoints if each.state in _TAKE_CALLS]
    return f"{len(ready)} of {len(target.endpoints)} ready" if target.endpoints else ""


def _in_flight(target: pb.Target) -> str:
    """Its calls, and their tokens where these are limited."""
    calls = f"{target.calls_in_flight} of {target.concurrency}"
    if not target.most_tokens_in_flight:
        return calls
    return f"{calls}, {target.tokens_in_flight} of {target.most_tokens_in_flight} tokens"


def credential(target: pb.Target) -> str:
    """Whether it has one, for people; a router of an earlier version knows less."""
    known = "present or none needed" if target.has_credential else "missing"
    return _CREDENTIALS.get(target.credential, known)


def breaker_state(breaker: pb.Breaker) -> str:
    """`half open`, for people."""
    state = words(word(pb.BreakerState.DESCRIPTOR, breaker.state))
    return f"{state}, silent" if breaker.fallen_silent else state


def shut_gates(target: pb.Target) -> list[pb.Gate]:
    """Those that keep it from being tried now, its breaker aside."""
    return [gate for gate in target.gates if gate.shut]


def gate_word(reason: walk_pb2.SkipReason.ValueType) -> str:
    """`credential quarantine`, for people."""
    return words(word(walk_pb2.SkipReason.DESCRIPTOR, reason))


def target_notes(targets: Iterable[pb.Target], *, ago: float = 0.0) -> Iterator[str]:
    """A sentence for each target of which there is something to tell.

    Args:
        ago: Seconds since the router said so; what is due has come nearer by them.
    """
    for target in targets:
        if facts := "; ".join(target_facts(target, ago=ago)):
            yield f"{target.name}: {facts}"


def target_facts(target: pb.Target, *, ago: float = 0.0) -> Iterator[str]:
    """What keeps it from being tried, until when and why."""
    breaker = target.breaker
    if breaker.state == pb.BREAKER_STATE_OPEN:
        due = seconds(breaker.due_in) - ago
        yield f"a probe may go in {due:.1f} s" if due > 0 else "a probe may go"
    if breaker.fallen_silent:
        yield "it says nothing, and the calls that wait for it will open its breaker"
    healed = breaker.state == pb.BREAKER_STATE_CLOSED and not breaker.window_failures
    if breaker.last_error and not healed:
        error = words(word(walk_pb2.ErrorClass.DESCRIPTOR, breaker.last_error))
        yield f"the last error was {error}"
    for gate in shut_gates(target):
        left = max(0.0, seconds(gate.due_in) - ago)
        until = f", for another {age(left)}" if gate.HasField("due_in") else ""
        yield f"{harmless(gate.detail)}{until}"
    yield from _doubts(target)
    for endpoint in target.endpoints:
        if fact := _endpoint_fact(endpoint, ago=ago):
            yield f"{harmless(endpoint.address)} {fact}"


def _doubts(target: pb.Target) -> Iterator[str]:
    """How its endpoints are known, where nobody watches them yet."""
    for gate in target.gates:
        open_ = gate.skip_reason == walk_pb2.SKIP_REASON_NO_READY_ENDPOINT and not gate.shut
        if open_ and gate.detail:
            yield harmless(gate.detail)


def _endpoint_fact(endpoint: pb.Endpoint, *, ago: float) -> str:
    """What keeps calls from one endpoint that says that it is ready; empty: nothing."""
    left = age(max(0.0, seconds(endpoint.due_in) - ago))
    match endpoint.state:
        case pb.ENDPOINT_STATE_EJECTED:
            return f"is left alone for another {left}"
        case pb.ENDPOINT_STATE_ON_TRIAL:
            return "is on trial, with one call at a time"
        case pb.ENDPOINT_STATE_FULL:
            return f"has no room for another {left}"
        case _:
            return ""


Checks = Sequence[tuple[pb.Target, pb.CheckTargetResponse]]


def checks_table(checks: Checks) -> Table:
    """What came of one call to each target."""
    return table_of(
        ("target", "model", "result", "time"),
        [
            (
                target.name,
                target.model,
                _check_result(check),
                f"{seconds(check.latency):.2f} s" if check.HasField("latency") else "-",
            )
            for target, check in checks
        ],
    )


def check_notes(checks: Checks) -> Iterator[str]:
    """What was seen at each target, and what to do about it."""
    for target, check in checks:
        if check.detail:
            yield f"{target.name}: {harmless(check.detail)}"


def _check_result(check: pb.CheckTargetResponse) -> Text:
    result = words(word(pb.CheckResult.DESCRIPTOR, check.result))
    return Text(result, style=_CHECK_STYLES.get(check.result, "red"))
