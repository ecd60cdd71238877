"""How a walk without an answer is told to its caller: truthfully, with the first telling cause."""

from collections.abc import Iterable
from dataclasses import dataclass

from failsoft_model.walk import ErrorClass, Hop
from failsoft_router.app.telling.story import story
from failsoft_router.core.errors import (
    CallerFault,
    ContentRefused,
    ReaderStalled,
    RouteExhausted,
    StreamBroken,
    WalkDeadlinePassed,
    WalkError,
)
from failsoft_router.ports import AttemptFailed

SOONEST_RETRY = 0.25
"""Seconds; a caller that comes back at once finds what it found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkFacts:
    """What every ending of a walk tells."""

    hops: tuple[Hop, ...]
    walk_id: str
    route: str
    trace_id: str


def exhausted(
    facts: WalkFacts, *, soonest: float | None, expired: bool, own_egress: bool
) -> WalkError:
    """Every hop was skipped or failed.

    Args:
        soonest: Seconds until a target may be tried with some hope; None: never.
        expired: The caller's deadline is what ended the walk.
        own_egress: A provider could not be reached, and that is our own network's fault.
    """
    kind = WalkDeadlinePassed if expired else RouteExhausted
    head = "the deadline came before an answer" if expired else "no hop of the route could answer"
    return _ended(
        kind,
        f"{head}: {story(facts.hops)}",
        facts,
        _first_cause(facts.hops),
        own_egress=own_egress,
        retry_after=None if expired or soonest is None else max(soonest, SOONEST_RETRY),
    )


def stopped(facts: WalkFacts, failure: AttemptFailed) -> WalkError:
    """A target failed in a way that every other target would share."""
    error_class, detail = failure.error_class, failure.detail
    match error_class:
        case ErrorClass.CONTENT_FILTER:
            return _ended(ContentRefused, detail, facts, error_class)
        case ErrorClass.CANCELLED:
            # Not the caller's doing, who still listens: this process ends its probes.
            return _ended(RouteExhausted, detail, facts, error_class, retry_after=SOONEST_RETRY)
        case _:
            return _ended(CallerFault, detail, facts, error_class)


def broken(facts: WalkFacts, failure: AttemptFailed, *, expired: bool) -> WalkError:
    """An answer broke off after content was sent, and the route lets nobody else go on.

    Args:
        expired: The target did not die: the caller's deadline came.
    """
    if expired:
        message = f"the deadline came before the end of the answer: {story(facts.hops)}"
        return _ended(WalkDeadlinePassed, message, facts, _first_cause(facts.hops))
    message = f"the answer broke off and the route does not restart it: {failure.detail}"
    return _ended(StreamBroken, message, facts, failure.error_class)


def unread(facts: WalkFacts) -> WalkError:
    """The caller takes nothing of its stream any more."""
    message = "nothing of the stream was taken for too long"
    return _ended(ReaderStalled, message, facts, _first_cause(facts.hops))


def _ended(
    kind: type[WalkError],
    message: str,
    facts: WalkFacts,
    cause: ErrorClass | None,
    *,
    own_egress: bool = False,
    retry_after: float | None = None,
) -> WalkError:
    return kind(
        message,
        hops=facts.hops,
        cause=cause,
        walk_id=facts.walk_id,
        route=facts.route,
        trace_id=facts.trace_id,
        own_egress=own_egress,
        retry_after=retry_after,
    )


def _first_cause(hops: Iterable[Hop]) -> ErrorClass | None:
    """The first telling failure; a fallback that found the request wrong tells nothing else."""
    causes = [hop.error_class for hop in hops if hop.error_class is not None]
    telling = (cause for cause in causes if cause is not ErrorClass.CALLER_FAULT)
    return next(telling, causes[0] if causes else None)
