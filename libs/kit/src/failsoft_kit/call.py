"""The call that is being answered: set by the server's interceptor, read anywhere below it."""

from contextvars import ContextVar
from dataclasses import dataclass

from failsoft_kit.deadline import Deadline
from failsoft_kit.identity import Principal
from failsoft_kit.telemetry.span import Span

_current: ContextVar["Call"] = ContextVar("failsoft_call")


@dataclass(slots=True, kw_only=True)
class Call:
    """What a servicer may want to know about the call besides its request."""

    method: str
    """Full name without a leading slash: `failsoft.inference.v1.InferenceService/Generate`."""
    principal: Principal
    deadline: Deadline
    """The caller's own; without one its moment is `math.inf`."""
    request_id: str
    """The caller's own id, else the trace's."""
    span: Span
    """The SERVER span; it ends when the call does."""
    attempt_id: str | None
    """walk_id/hop/attempt, if a router makes the call as an attempt of a walk."""
    depth: int
    """Routers that the request has gone through before this service."""


def current() -> Call:
    """The call that this task answers; raises LookupError outside of any."""
    return _current.get()


def depth() -> int:
    """Routers that the request of this task has gone through before; 0 outside of any call."""
    call = _current.get(None)
    return 0 if call is None else call.depth


def request_id() -> str | None:
    """That of the request of this task; None outside of any call."""
    call = _current.get(None)
    return None if call is None else call.request_id


def enter(call: Call) -> None:
    """Make `call` the current one for the rest of this task."""
    _current.set(call)
