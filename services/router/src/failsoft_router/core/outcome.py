"""What an error means: where the walk goes, whether the target is tried again, who learns.

One table, one row a class. The class comes from what the provider says first (its
code and body) and from the bare status only where it says nothing; adapters do that.

The phase is how far the attempt had come. It decides one thing: whether the same
target may be tried again. Nothing is tried again once content has come. What is not
understood is tried again only while nothing was sent, because the target may be busy
with it. Silence is never tried again, it has cost its limit already; neither is an
answer that the same request would only bring about once more.

A caller's own fault and a hang-up count against nobody. Whose fault a refused request is
depends on who refuses it. What the best target of a walk finds wrong is the caller's to
mend; a fallback may only dislike what the best one takes, and its refusal would hide why
it was asked. It is believed where it names a field that the caller wrote.

Rate limits, empty accounts, bad credentials and models that are gone say nothing about the
target's health: gates of their own learn from them. Silence and broken answers are illness.

A loop of routers is a mistake in their policies, and nobody's illness: the router that
refuses it answers a request that comes to it by a shorter way. So no gate learns from it.
"""

import enum
from dataclasses import dataclass

from failsoft_model.walk import ErrorClass


class Phase(enum.Enum):
    """How far an attempt had come when it failed."""

    CONNECTING = "connecting"
    """Nothing was sent."""
    WAITING = "waiting"
    """The request was sent, and no content has come."""
    SPEAKING = "speaking"
    """Content has come."""


class Next(enum.Enum):
    """Where the walk goes after a failed attempt."""

    HOP = "hop"
    """To the next hop."""
    STOP = "stop"
    """Nowhere: every other target would say the same."""
    BLAME_DECIDES = "blame_decides"
    """Nowhere where it is certain that the request is wrong, else to the next hop."""
    ROUTE_DECIDES = "route_decides"
    """To the next hop where the route says so, else nowhere."""


class Lesson(enum.Enum):
    """Which gate learns from a failed attempt."""

    NOTHING = "nothing"
    HEALTH = "health"
    """The health breaker counts a failure."""
    QUOTA = "quota"
    """The quota gate closes: the credential's for this model."""
    ACCOUNT = "account"
    """The account's gate closes: the credential's for every model."""
    CREDENTIAL = "credential"
    """The secret is quarantined."""
    TARGET = "target"
    """The target's own gate closes, and the operator is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from an error in one phase.

    Attributes:
        next: Where the walk goes when the target is not tried again.
        again: The same target may be tried again; `retry.delay` says when.
        lesson: Who learns.
    """

    next: Next
    again: bool
    lesson: Lesson


@dataclass(frozen=True, slots=True)
class Row:
    """What follows from a class of error; `again` holds the phases in which it is tried again."""

    next: Next
    again: frozenset[Phase]
    lesson: Lesson


_NEVER: frozenset[Phase] = frozenset()
_UNSENT = frozenset({Phase.CONNECTING})
_NO_CONTENT = frozenset({Phase.CONNECTING, Phase.WAITING})

TABLE: dict[ErrorClass, Row] = {
    ErrorClass.TRANSIENT: Row(Next.HOP, _NO_CONTENT, Lesson.HEALTH),
    ErrorClass.TRUNCATED: Row(Next.HOP, _NO_CONTENT, Lesson.HEALTH),
    ErrorClass.MALFORMED: Row(Next.HOP, _NO_CONTENT, Lesson.HEALTH),
    ErrorClass.UNKNOWN: Row(Next.HOP, _UNSENT, Lesson.HEALTH),
    ErrorClass.TIMEOUT_CONNECT: Row(Next.HOP, _NEVER, Lesson.HEALTH),
    ErrorClass.TIMEOUT_FIRST_CONTENT: Row(Next.HOP, _NEVER, Lesson.HEALTH),
    ErrorClass.STALL: Row(Next.HOP, _NEVER, Lesson.HEALTH),
    ErrorClass.TIMEOUT_TOTAL: Row(Next.HOP, _NEVER, Lesson.HEALTH),
    ErrorClass.RATE_LIMITED: Row(Next.HOP, _NO_CONTENT, Lesson.QUOTA),
    ErrorClass.QUOTA: Row(Next.HOP, _NEVER, Lesson.ACCOUNT),
    ErrorClass.CREDENTIAL: Row(Next.HOP, _NEVER, Lesson.CREDENTIAL),
    ErrorClass.MODEL_GONE: Row(Next.HOP, _NEVER, Lesson.TARGET),
    ErrorClass.REGION: Row(Next.HOP, _NEVER, Lesson.TARGET),
    ErrorClass.CONTEXT_LENGTH: Row(Next.HOP, _NEVER, Lesson.NOTHING),
    ErrorClass.SCHEMA_INVALID: Row(Next.HOP, _NEVER, Lesson.NOTHING),
    ErrorClass.UNSUPPORTED: Row(Next.HOP, _NEVER, Lesson.NOTHING),
    ErrorClass.ROUTER_LOOP: Row(Next.HOP, _NEVER, Lesson.NOTHING),
    ErrorClass.TENANT_LIMITED: Row(Next.HOP, _NEVER, Lesson.NOTHING),
    ErrorClass.CONTENT_FILTER: Row(Next.ROUTE_DECIDES, _NEVER, Lesson.NOTHING),
    ErrorClass.CALLER_FAULT: Row(Next.BLAME_DECIDES, _NEVER, Lesson.NOTHING),
    ErrorClass.CANCELLED: Row(Next.STOP, _NEVER, Lesson.NOTHING),
}


_LASTING = frozenset(
    {
        ErrorClass.CONTEXT_LENGTH,
        ErrorClass.UNSUPPORTED,
        ErrorClass.ROUTER_LOOP,
        ErrorClass.CONTENT_FILTER,
        ErrorClass.CALLER_FAULT,
    }
)


def may_pass(error_class: ErrorClass) -> bool:
    """Whether the same request may end otherwise at the same target, some time later."""
    return error_class not in _LASTING


def is_turned_away(error_class: ErrorClass, phase: Phase) -> bool:
    """Whether who was asked had no room for the request, and does nothing for it.

    Another one that serves the same may have room, and the request is nowhere twice. Whoever
    has begun to answer has let it in.
    """
    return TABLE[error_class].lesson is Lesson.QUOTA and phase is not Phase.SPEAKING


def verdict(error_class: ErrorClass, phase: Phase) -> Verdict:
    """What follows from an error that came in this phase."""
    row = TABLE[error_class]
    return Verdict(next=row.next, again=phase in row.again, lesson=row.lesson)


def goes_on(error: ErrorClass, *, content_filter_falls_back: bool, is_certain: bool) -> bool:
    """Whether the walk goes to the next hop after this error.

    Args:
        is_certain: The best target of the walk says so, or a field of the caller's is named.
    """
    match TABLE[error].next:
        case Next.HOP:
            return True
        case Next.STOP:
            return False
        case Next.ROUTE_DECIDES:
            return content_filter_falls_back
        case Next.BLAME_DECIDES:
            return not is_certain
