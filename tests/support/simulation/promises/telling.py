"""Promises about what is told: hops, errors, events and spans are the truth, and complete."""

from collections import Counter
from collections.abc import Iterator

from failsoft_model.chat import Degradation
from failsoft_model.events import HopUpdate
from failsoft_model.walk import CacheStatus, ErrorClass, Hop, HopOutcome, SkipReason
from failsoft_router import span_names
from failsoft_router.core.errors import RouteExhausted, WalkDeadlinePassed
from failsoft_router.core.outcome import may_pass
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP
from simulation.promises.gates import best
from simulation.promises.turns import is_told_by_several
from simulation.story import Asked, Story

_NOBODY_ANSWERED = (RouteExhausted, WalkDeadlinePassed)


def hops_are_complete_and_in_order(story: Story) -> Iterator[str]:
    """Positions grow, a skip has its reason, a failure its class, and one hop served."""
    for asked in story.asked:
        hops = asked.hops
        positions = [hop.position for hop in hops]
        if positions != sorted(set(positions)):
            yield f"the hops of {asked.planned.name} are at {positions}"
        for what in filter(None, map(_what_is_wrong, hops)):
            yield f"{asked.planned.name}: {what}"
        served = [hop.target for hop in hops if hop.outcome is HopOutcome.SERVED]
        if served != _expected_server(asked):
            yield f"{asked.planned.name} was served by {served} of its hops"


def hops_tell_every_call(story: Story) -> Iterator[str]:
    """What the reply tells of attempts is what the targets saw."""
    for asked in story.asked:
        if asked.finished is None and asked.error is None:
            continue
        probing = {hop.position for hop in asked.hops if hop.outcome is HopOutcome.PROBING}
        told = sorted(attempt.id for hop in asked.hops for attempt in hop.attempts)
        made = sorted(call.attempt_id for call in asked.calls)
        running = {each for each in made if int(each.split("/")[1]) in probing} - set(told)
        if told != sorted(set(made) - running) or len(running) > len(probing):
            yield f"{asked.planned.name} is told of {told}, and {made} were made"
        for hop in asked.hops:
            wrong = [each.id for each in hop.attempts if each.latency > hop.latency + 1e-6]
            if wrong:
                yield f"{asked.planned.name}: attempts {wrong} took longer than their hop"


def updates_tell_the_hops(story: Story) -> Iterator[str]:
    """Who watches a stream sees each hop end as the reply says, and nothing else."""
    for asked in story.asked:
        if not asked.planned.streamed or asked.hung_up:
            continue
        last = {
            event.hop.position: event.hop
            for _, event in asked.events
            if isinstance(event, HopUpdate) and event.hop.outcome is not HopOutcome.TRYING
        }
        told = [hop for hop in asked.hops if hop.outcome is not HopOutcome.SERVED]
        if any(last.get(hop.position) != hop for hop in told):
            yield f"{asked.planned.name} saw {last} and was told {told}"


def errors_tell_their_cause(story: Story) -> Iterator[str]:
    """Of many failures the first one, or the one that ended the walk; and when to come back."""
    for asked in story.asked:
        error = asked.error
        if error is None:
            continue
        causes = [hop.error_class for hop in error.hops if hop.error_class is not None]
        first = isinstance(error, _NOBODY_ANSWERED)
        doubtless = [cause for cause in causes if cause is not ErrorClass.CALLER_FAULT]
        telling: list[ErrorClass | None] = [*((doubtless or causes)[:1] if first else causes)]
        if error.cause not in (telling or [None]):
            yield f"{asked.planned.name} is told {error.cause}; its hops failed by {causes}"
        if error.retry_after is not None and not error.retry_after > 0.0:
            yield f"{asked.planned.name} may come back in {error.retry_after} s"
        hopeless = {
            hop.target for hop in error.hops if hop.error_class and not may_pass(hop.error_class)
        }
        shut = any(
            hop.skip_reason is SkipReason.CIRCUIT_OPEN and hop.target not in hopeless
            for hop in error.hops
        )
        if isinstance(error, RouteExhausted) and shut and error.retry_after is None:
            yield f"{asked.planned.name} is not told when to come back"


def degradations_are_told(story: Story) -> Iterator[str]:
    """An answer that is not the best target's says so."""
    for asked in story.asked:
        finished = asked.finished
        if finished is None:
            continue
        match finished.served_by:
            case served_by if served_by == CACHE_HOP:
                fresh = finished.cache_status is CacheStatus.HIT_FRESH
                right = Degradation.NONE if fresh and not finished.hops else Degradation.STALE_CACHE
            case served_by if served_by == MOCK_HOP:
                right = Degradation.MOCK
            case _:
                failed = best(finished.hops) != served_by or is_told_by_several(asked)
                right = Degradation.FALLBACK_TARGET if failed else Degradation.NONE
        if finished.degradation is not right:
            yield f"{asked.planned.name} got {finished.degradation} and not {right}"


def every_span_ends_once(story: Story) -> Iterator[str]:
    """Whatever happens to the request; and each hop and each call has a span of its own."""
    started = Counter(span.context.span_id for span in story.spans_started)
    ended = Counter(span.context.span_id for span in story.spans_ended)
    if started != ended:
        open_ = [span.name for span in story.spans_started if not ended[span.context.span_id]]
        yield f"these spans never ended, or ended twice: {open_}"
    spans = Counter((span.context.trace_id, span.name) for span in story.spans_started)
    for asked in story.asked:
        if asked.finished is None and asked.error is None:
            continue
        if spans[asked.trace_id, span_names.HOP] != len(asked.hops):
            yield f"{asked.planned.name} has {len(asked.hops)} hops and not as many spans"


PROMISES = (
    hops_are_complete_and_in_order,
    hops_tell_every_call,
    updates_tell_the_hops,
    errors_tell_their_cause,
    degradations_are_told,
    every_span_ends_once,
)


def _what_is_wrong(hop: Hop) -> str | None:
    match hop.outcome:
        case HopOutcome.SKIPPED if hop.skip_reason is None or hop.attempts:
            return f"{hop} was skipped without a reason, or called"
        case HopOutcome.FAILED if hop.error_class is ErrorClass.CANCELLED:
            return None
        case HopOutcome.FAILED if hop.error_class is None or not hop.attempts:
            return f"{hop} failed without a class or an attempt"
        case HopOutcome.FAILED if hop.attempts[-1].error_class is not hop.error_class:
            return f"{hop} and its last attempt failed differently"
        case HopOutcome.TRYING:
            return f"{hop} never ended"
        case _:
            return None


def _expected_server(asked: Asked) -> list[str]:
    """Who has to be the one hop that served; nobody for an error and for a fresh answer."""
    finished = asked.finished
    if finished is None or not finished.hops:
        return []
    return [finished.served_by]
