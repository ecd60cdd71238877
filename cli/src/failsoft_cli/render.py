"""Facts of a walk and of targets as tables and sentences."""

from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1.inference_service_pb2 import Finished
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_cli.console import harmless
from failsoft_client import word

_DEGRADATIONS = {
    chat_pb2.DEGRADATION_FALLBACK_TARGET: "another target answered than the best one",
    chat_pb2.DEGRADATION_STALE_CACHE: "a stale answer",
    chat_pb2.DEGRADATION_SIMILAR_CACHE: "the answer to a similar question",
    chat_pb2.DEGRADATION_MOCK: "a mock: no model has seen the question",
}
_OUTCOME_STYLES = {
    walk_pb2.HOP_OUTCOME_SERVED: "green",
    walk_pb2.HOP_OUTCOME_FAILED: "red",
    walk_pb2.HOP_OUTCOME_SKIPPED: "yellow",
}
_CHECK_STYLES = {
    admin_pb.CHECK_RESULT_OK: "green",
    admin_pb.CHECK_RESULT_NO_CREDENTIAL: "yellow",
}


def seconds(duration: Duration) -> float:
    """A message's duration as a number."""
    return duration.ToNanoseconds() / 1e9


def words(enum_word: str) -> str:
    """`CIRCUIT_OPEN` for people."""
    return enum_word.lower().replace("_", " ")


def hops_table(hops: Iterable[walk_pb2.Hop]) -> Table:
    """Who was tried, skipped and served, why, and how long it took."""
    table = table_of("hop", "target", "outcome", "why", "time")
    for hop in hops:
        outcome = words(word(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome))
        skipped = hop.outcome == walk_pb2.HOP_OUTCOME_SKIPPED
        table.add_row(
            str(hop.position),
            Text(hop.target),
            Text(outcome, style=_OUTCOME_STYLES.get(hop.outcome, "")),
            Text(_why(hop)),
            "-" if skipped else f"{seconds(hop.latency):.2f} s",
        )
    return table


def _why(hop: walk_pb2.Hop) -> str:
    match hop.outcome:
        case walk_pb2.HOP_OUTCOME_SKIPPED:
            reason = words(word(walk_pb2.SkipReason.DESCRIPTOR, hop.skip_reason))
        case walk_pb2.HOP_OUTCOME_FAILED:
            reason = words(word(walk_pb2.ErrorClass.DESCRIPTOR, hop.error_class))
        case _:
            reason = ""
    return ": ".join(part for part in (reason, harmless(hop.detail)) if part)


def summary(finished: Finished, *, took: float) -> str:
    """One line: who served it, what it is instead of the best answer, the way, the time.

    Args:
        took: Seconds from the question to the end of the answer.
    """
    served = finished.served_by
    if finished.model not in ("", served):
        served += f" ({finished.model})"
    facts = [f"served by {served}"]
    if finished.HasField("cache_age"):
        facts.append(f"{age(seconds(finished.cache_age))} old")
    if label := degradation(finished):
        facts.append(label)
    if finished.hops:
        facts.append(" → ".join(_in_short(hop) for hop in finished.hops))
    facts.append(f"{took:.1f} s")
    return " · ".join(facts)


def degradation(finished: Finished) -> str:
    """What the caller got instead of the best answer; empty: nothing less."""
    if finished.degradation == chat_pb2.DEGRADATION_NONE:
        return ""
    name = word(chat_pb2.Degradation.DESCRIPTOR, finished.degradation)
    explained = _DEGRADATIONS.get(finished.degradation, "")
    return f"{name}: {explained}" if explained else name


def age(age_seconds: float) -> str:
    """An age as people say it."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if age_seconds >= length:
            return f"{age_seconds / length:.1f} {unit}"
    return f"{age_seconds:.1f} s"


def _in_short(hop: walk_pb2.Hop) -> str:
    outcome = words(word(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome))
    match hop.outcome:
        case walk_pb2.HOP_OUTCOME_SKIPPED:
            reason = words(word(walk_pb2.SkipReason.DESCRIPTOR, hop.skip_reason))
        case walk_pb2.HOP_OUTCOME_FAILED:
            reason = words(word(walk_pb2.ErrorClass.DESCRIPTOR, hop.error_class))
        case _:
            return f"{hop.target} {outcome}"
    return f"{hop.target} {outcome} ({reason})"


def targets_table(targets: Iterable[admin_pb.Target]) -> Table:
    """Every target and the state of its breaker."""
    table = table_of("target", "provider", "model", "credential", "breaker", "last error")
    for target in targets:
        table.add_row(
            Text(target.name),
            Text(target.provider),
            Text(target.model),
            Text("ok") if target.has_credential else Text("missing", style="yellow"),
            Text(_breaker(target.breaker)),
            Text(_last_error(target.breaker)),
        )
    return table


def checks_table(checks: Sequence[tuple[admin_pb.Target, admin_pb.CheckTargetResponse]]) -> Table:
    """What came of one call to each target."""
    table = table_of("target", "model", "result", "detail", "time")
    for target, check in checks:
        result = words(word(admin_pb.CheckResult.DESCRIPTOR, check.result))
        table.add_row(
            Text(target.name),
            Text(target.model),
            Text(result, style=_CHECK_STYLES.get(check.result, "red")),
            Text(harmless(check.detail)),
            f"{seconds(check.latency):.2f} s" if check.HasField("latency") else "-",
        )
    return table


def _breaker(breaker: admin_pb.Breaker) -> str:
    state = words(word(admin_pb.BreakerState.DESCRIPTOR, breaker.state))
    if breaker.state != admin_pb.BREAKER_STATE_OPEN:
        return state
    due = seconds(breaker.due_in)
    return f"{state}, probe in {due:.1f} s" if due else f"{state}, probe may go"


def _last_error(breaker: admin_pb.Breaker) -> str:
    if not breaker.last_error:
        return "-"
    return words(word(walk_pb2.ErrorClass.DESCRIPTOR, breaker.last_error))


def table_of(*columns: str) -> Table:
    """An empty table as all of ours look."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column == "time"
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table
