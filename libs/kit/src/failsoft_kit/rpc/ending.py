"""How a call ended: the status that it gets, and what else has to be said about it."""

import asyncio
from dataclasses import dataclass

import grpc

from failsoft_kit.rpc.running import RunningCall
from failsoft_model.errors import FailsoftError, ShuttingDown

OK = "OK"
OUR_FAULT = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
"""Statuses that make a SERVER span an error; the others are the caller's own doing."""

_RETRY_AFTER_SHUTDOWN = 1.0
_DEADLINE_SLACK = 0.02
"""The caller's timer may be ahead of ours by this many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of a call that did not go well.

    `answer` is what the caller is told; None: it was told already, or is gone.
    `crash` is the exception that nobody expected, for the log alone.
    """

    code: str
    answer: FailsoftError | None = None
    crash: Exception | None = None


def ending_of(call: RunningCall, error: BaseException, *, code: object, now: float) -> Ending:
    """What an exception out of a servicer means for its call.

    Args:
        code: The context's own code, set if the servicer aborted the call by itself.
    """
    match error:
        case FailsoftError():
            return Ending(code=error.code.name, answer=error)
        case asyncio.CancelledError() if call.aborted and call.writing:
            # The caller doesn't read, so there is no way to tell it more.
            return Ending(code="UNAVAILABLE")
        case asyncio.CancelledError() if call.aborted:
            shutdown = ShuttingDown(
                "the service is shutting down and could not finish this call",
                retry_after=_RETRY_AFTER_SHUTDOWN,
            )
            return Ending(code=shutdown.code.name, answer=shutdown)
        case asyncio.CancelledError():
            late = now >= call.deadline_at - _DEADLINE_SLACK
            return Ending(code="DEADLINE_EXCEEDED" if late else "CANCELLED")
        case grpc.aio.AbortError():
            return Ending(code=code_name(code))
        case grpc.aio.InternalError():
            # A write failed because the connection is gone.
            return Ending(code="CANCELLED")
        case Exception():
            answer = FailsoftError("internal error; the request id leads to its cause in the log")
            return Ending(code=answer.code.name, answer=answer, crash=error)
        case _:
            return Ending(code="CANCELLED")


def code_name(code: object) -> str:
    """The name of a code as `ServicerContext.code` gives it: None means OK."""
    return code.name if isinstance(code, grpc.StatusCode) else OK
