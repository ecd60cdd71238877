"""What an error means: where the walk goes next, and what the health breaker learns.

One table, one row a class. The class comes from what the provider says first (its
code and body) and from the bare status only where it says nothing; adapters do that.

A caller's own fault and a hang-up count against nobody. Rate limits, empty accounts
and bad credentials say nothing about the target's health. Silence does.
"""

import enum
from dataclasses import dataclass

from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import Result


class Next(enum.Enum):
    """Where the walk goes after a failed attempt."""

    HOP = "hop"
    """To the next hop."""
    STOP = "stop"
    """Nowhere: every other target would say the same."""
    ROUTE_DECIDES = "route_decides"
    """To the next hop where the route says so, else nowhere."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an error.

    Attributes:
        next: Where the walk goes.
        health: What the target's breaker is told.
    """

    next: Next
    health: Result


_ILL = Verdict(Next.HOP, Result.FAILED)
_WELL = Verdict(Next.HOP, Result.NO_EVIDENCE)
_CALLERS = Verdict(Next.STOP, Result.NO_EVIDENCE)

VERDICTS: dict[ErrorClass, Verdict] = {
    ErrorClass.TRANSIENT: _ILL,
    ErrorClass.TIMEOUT_CONNECT: _ILL,
    ErrorClass.TIMEOUT_FIRST_CONTENT: _ILL,
    ErrorClass.STALL: _ILL,
    ErrorClass.TIMEOUT_TOTAL: _ILL,
    ErrorClass.TRUNCATED: _ILL,
    ErrorClass.MALFORMED: _ILL,
    ErrorClass.UNKNOWN: _ILL,
    ErrorClass.RATE_LIMITED: _WELL,
    ErrorClass.QUOTA: _WELL,
    ErrorClass.CREDENTIAL: _WELL,
    ErrorClass.MODEL_GONE: _WELL,
    ErrorClass.REGION: _WELL,
    ErrorClass.CONTEXT_LENGTH: _WELL,
    ErrorClass.SCHEMA_INVALID: _WELL,
    ErrorClass.UNSUPPORTED: _WELL,
    ErrorClass.CALLER_FAULT: _CALLERS,
    ErrorClass.CANCELLED: _CALLERS,
    ErrorClass.CONTENT_FILTER: Verdict(Next.ROUTE_DECIDES, Result.NO_EVIDENCE),
}


def goes_on(error: ErrorClass, *, content_filter_falls_back: bool) -> bool:
    """Whether the walk goes to the next hop after this error."""
    match VERDICTS[error].next:
        case Next.HOP:
            return True
        case Next.STOP:
            return False
        case Next.ROUTE_DECIDES:
            return content_filter_falls_back
