"""What the log says of walks and gates, so that an operator need not ask.

One line for each walk that another than its best target answered or nobody did, and one for
each change of a gate. Walks that go as planned say nothing. So an outage writes a line for each
request and no more; one costs 16 µs, and at `log.level: warning` those of walks that were
answered cost 7 µs and are not written.
"""

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.logs import about
from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.chat import Degradation
from failsoft_model.events import Finished
from failsoft_router.app.targets.gates import Shut
from failsoft_router.app.telling.story import story
from failsoft_router.core.breaker import Breaker, State
from failsoft_router.core.errors import (
    RouteExhausted,
    StreamBroken,
    WalkDeadlinePassed,
    WalkError,
)

_log: FilteringBoundLogger = structlog.get_logger()


def walk_ended(end: Finished | BaseException, *, took: float, context: SpanContext) -> None:
    """A walk is over. What was the caller's own doing is no news of the walk.

    Args:
        end: What its caller got of it.
        took: Seconds.
        context: Of its span.
    """
    match end:
        case Finished(degradation=Degradation.NONE):
            pass
        case Finished():
            _log.info(
                "walk.fell_back",
                walk_id=end.walk_id,
                route=end.route,
                served_by=end.served_by,
                degradation=end.degradation.value,
                hops=story(end.hops),
                ms=_milliseconds(took),
                **about(context),
            )
        case RouteExhausted() | WalkDeadlinePassed() | StreamBroken():
            _tell_of_failure(end, took=took, context=context)
        case _:
            pass


def _tell_of_failure(end: WalkError, *, took: float, context: SpanContext) -> None:
    _log.warning(
        "walk.failed",
        walk_id=end.walk_id,
        route=end.route,
        reason=end.reason,
        cause=end.metadata.get("cause", ""),
        hops=story(end.hops),
        retry_in=None if end.retry_after is None else round(end.retry_after, 3),
        ms=_milliseconds(took),
        **about(context),
    )


def breaker_changed(target: str, breaker: Breaker, *, before: State, context: SpanContext) -> None:
    """The health breaker of a target is in another state, or has opened anew.

    Args:
        target: Whose call has changed it; others may share it.
        before: The state that it was in.
        context: Of the span that the change is noted on.
    """
    facts = {
        "target": target,
        "before": before.value,
        "state": breaker.state.value,
        **about(context),
    }
    if breaker.state is not State.OPEN:
        _log.info("breaker.changed", **facts)
        return
    why = breaker.last_error
    _log.warning(
        "breaker.changed",
        why="" if why is None else why.value,
        retry_in=round(breaker.due_in(breaker.changed_at), 3),
        **facts,
    )


def gate_shut(target: str, shut: Shut, *, context: SpanContext) -> None:
    """A gate beside the breaker was open, and a provider's refusal has shut it.

    It opens by itself, which nobody announces; a refusal that finds it shut says nothing.

    Args:
        target: Whose call was refused; others may share the gate.
        context: Of the hop's span.
    """
    _log.warning(
        "gate.shut",
        target=target,
        gate=shut.gate.value,
        why=shut.closure.why.value,
        retry_in=round(shut.closure.until - shut.closure.since, 3),
        **about(context),
    )


def egress_changed(*, is_down: bool) -> None:
    """Our own way out of the network was found to be down, or to be there again."""
    if is_down:
        _log.warning("egress.down")
    else:
        _log.info("egress.back")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
