"""What each fault of the look-alike must lead to: one row a fault, read from left to right.

    the fault -> the class of the hop, the calls into the target, what the caller sees

`falls_back`: the hop fails with this class and the next one answers. `calls` is 2 where
the same target is asked again before that: nothing was said, and it may pass.
`serves`: it is no fault to a caller, and the target answers. `ends`: every other target
would say the same, so the walk ends with this status.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from failsoft_model.errors import Code
from failsoft_upstream import faults
from failsoft_upstream.faults import (
    Cover,
    ErrorKind,
    Fault,
    Filler,
    FinishReason,
    Garble,
    HintForm,
    Resumption,
)

LIMIT = 0.5
"""Seconds to the first content, and between two, at targets whose fault is silence."""

PATIENT = 8.0
"""The same at all others, so that a busy machine does not look like silence."""

LONG = 30.0
"""Seconds that nobody waits for: the limit fires before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a fault must lead to.

    Attributes:
        error: Class of the failed hop in the contract's words; empty: it answers.
        calls: Attempts at the target.
        heard: Those of them that the target gets to see.
        costs: Seconds that the caller pays at least, because a limit has to pass.
        said: A streaming caller has had content of it when it fails.
        status: How the walk ends; None: with an answer.
        reason: Of that status.
        doubted: It ends the walk only where the best target does it; a fallback's word is
            doubted, and the next hop answers.
    """

    fault: Fault
    error: str = ""
    calls: int = 1
    heard: int = 1
    costs: float = 0.0
    said: bool = False
    status: Code | None = None
    reason: str = ""
    doubted: bool = False

    @property
    def as_fallback(self) -> "Row":
        """What it must lead to behind another target that has failed."""
        return replace(self, status=None, reason="") if self.doubted else self

    @property
    def limit(self) -> float:
        """Seconds that the target has to its first content, and between two contents."""
        return LIMIT if self.costs == LIMIT else PATIENT

    @property
    def falls_back(self) -> bool:
        """The next hop answers."""
        return bool(self.error) and self.status is None


def falls_back(
    fault: Fault,
    error: str,
    *,
    calls: int = 1,
    heard: int | None = None,
    costs: float = 0.0,
    said: bool = False,
) -> Row:
    """The hop fails with this class and the next one answers."""
    heard = calls if heard is None else heard
    return Row(fault=fault, error=error, calls=calls, heard=heard, costs=costs, said=said)


def serves(fault: Fault) -> Row:
    """The target answers, and nobody notices."""
    return Row(fault=fault)


def ends(fault: Fault, error: str, status: Code, reason: str, *, said: bool = False) -> Row:
    """The walk ends with the status, and no other target is asked."""
    return Row(fault=fault, error=error, status=status, reason=reason, said=said)


def blames_the_caller(fault: Fault) -> Row:
    """The best target's word ends the walk, and a fallback's does not."""
    status, reason = Code.INVALID_ARGUMENT, "INVALID_REQUEST"
    return Row(fault=fault, error="CALLER_FAULT", status=status, reason=reason, doubted=True)


def _status(status: int) -> Fault:
    return faults.Status(status=status)


def _error(error: ErrorKind) -> Fault:
    return faults.ProviderError(error=error)


def _slow(cover: Cover) -> Fault:
    return faults.Slow(seconds=LONG, cover=cover)


def _endless(filler: Filler) -> Fault:
    return faults.Endless(filler=filler)


def _rate_limited(form: HintForm, seconds: float) -> Fault:
    return faults.Status(status=429, retry_after=seconds, form=form)


TABLE: Mapping[str, Row] = {
    # healthy, or as good as that
    "healthy": serves(faults.Healthy()),
    "slow-but-in-time": serves(faults.Slow(seconds=0.3, cover=Cover.KEEP_ALIVES)),
    "stall-but-in-time": serves(faults.Stall(after=2, seconds=0.3)),
    "no-done": serves(faults.NoDone()),
    "left-open": serves(faults.LeftOpen()),
    "one-byte-at-a-time": serves(faults.Slice(size=1)),
    "huge-line": serves(faults.HugeLine(size=1_000_000, after=1)),
    "goes-on": serves(faults.Resume()),
    "starts-over": serves(faults.Resume(how=Resumption.OVER)),
    "takes-a-run-up": serves(faults.Resume(how=Resumption.REPEAT, begun=False)),
    "stop": serves(faults.Finish(reason=FinishReason.STOP, after=2)),
    "length": serves(faults.Finish(reason=FinishReason.LENGTH, after=2)),
    # by status
    "500": falls_back(_status(500), "TRANSIENT", calls=2),
    "502": falls_back(_status(502), "TRANSIENT", calls=2),
    "503": falls_back(_status(503), "TRANSIENT", calls=2),
    "529": falls_back(_status(529), "TRANSIENT", calls=2),
    "301": falls_back(_status(301), "UNKNOWN"),
    "418": falls_back(_status(418), "UNKNOWN"),
    "401": falls_back(_status(401), "CREDENTIAL"),
    "403": falls_back(_status(403), "CREDENTIAL"),
    "403-of-a-firewall": falls_back(faults.Status(status=403, body="<html>"), "UNKNOWN"),
    "402": falls_back(_status(402), "QUOTA"),
    "404": falls_back(_status(404), "MODEL_GONE"),
    "404-of-a-proxy": falls_back(faults.Status(status=404, body="<html>"), "UNKNOWN"),
    "413": falls_back(_status(413), "CONTEXT_LENGTH"),
    "429": falls_back(_status(429), "RATE_LIMITED"),
    "429-in-a-moment": falls_back(
        _rate_limited(HintForm.MILLISECONDS, 0.1), "RATE_LIMITED", calls=2, costs=0.1
    ),
    "429-in-a-while": falls_back(_rate_limited(HintForm.SECONDS, 30), "RATE_LIMITED"),
    "429-until-a-date": falls_back(_rate_limited(HintForm.DATE, 30), "RATE_LIMITED"),
    "429-until-a-reset": falls_back(_rate_limited(HintForm.RESET, 30), "RATE_LIMITED"),
    "400": blames_the_caller(faults.Status(status=400, body="{}")),
    "422": blames_the_caller(_status(422)),
    # by the provider's own word
    "invalid-key": falls_back(_error(ErrorKind.INVALID_API_KEY), "CREDENTIAL"),
    "forbidden": falls_back(_error(ErrorKind.FORBIDDEN), "CREDENTIAL"),
    "region": falls_back(_error(ErrorKind.UNSUPPORTED_REGION), "REGION"),
    "no-such-model": falls_back(_error(ErrorKind.MODEL_NOT_FOUND), "MODEL_GONE"),
    "too-long": falls_back(_error(ErrorKind.CONTEXT_LENGTH_EXCEEDED), "CONTEXT_LENGTH"),
    "rate-limit": falls_back(_error(ErrorKind.RATE_LIMIT_EXCEEDED), "RATE_LIMITED"),
    "no-money": falls_back(_error(ErrorKind.INSUFFICIENT_QUOTA), "QUOTA"),
    "server-error": falls_back(_error(ErrorKind.SERVER_ERROR), "TRANSIENT", calls=2),
    "overloaded": falls_back(_error(ErrorKind.OVERLOADED), "TRANSIENT", calls=2),
    "refused-content": ends(
        _error(ErrorKind.CONTENT_FILTER),
        *("CONTENT_FILTER", Code.FAILED_PRECONDITION, "CONTENT_REFUSED"),
    ),
    "filtered-in-mid-answer": ends(
        faults.Finish(reason=FinishReason.CONTENT_FILTER, after=2),
        *("CONTENT_FILTER", Code.FAILED_PRECONDITION, "CONTENT_REFUSED"),
        said=True,
    ),
    # the connection
    "refuse": falls_back(faults.Refuse(), "TRANSIENT", calls=2, heard=0),
    "reset": falls_back(faults.Reset(), "TRANSIENT", calls=2),
    "reset-in-mid-answer": falls_back(faults.Reset(after=2), "TRUNCATED", said=True),
    # silence
    "hang": falls_back(faults.Hang(), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "late": falls_back(_slow(Cover.SILENCE), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "headers-only": falls_back(_slow(Cover.HEADERS), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "keep-alives-only": falls_back(_slow(Cover.KEEP_ALIVES), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "role-only": falls_back(_slow(Cover.ROLE), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "empty-deltas": falls_back(_slow(Cover.EMPTY_DELTAS), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    "stall": falls_back(faults.Stall(after=2), "STALL", costs=LIMIT, said=True),
    "stall-at-once": falls_back(faults.Stall(after=0), "TIMEOUT_FIRST_CONTENT", costs=LIMIT),
    # the answer itself
    "cut": falls_back(faults.Cut(after=2), "TRUNCATED", said=True),
    "cut-at-once": falls_back(faults.Cut(after=0), "TRUNCATED", calls=2),
    "empty": falls_back(faults.Empty(), "TRUNCATED", calls=2),
    "empty-body": falls_back(faults.EmptyBody(), "TRUNCATED", calls=2),
    "bad-json": falls_back(faults.Malformed(after=0), "MALFORMED", calls=2),
    "bad-json-in-mid-answer": falls_back(faults.Malformed(after=2), "MALFORMED", said=True),
    "bad-utf8": falls_back(faults.Malformed(after=0, form=Garble.UTF8), "MALFORMED", calls=2),
    "json-ten-thousand-levels-deep": falls_back(
        faults.Malformed(after=0, form=Garble.NESTED), "MALFORMED", calls=2
    ),
    "line-of-9-megabytes": falls_back(faults.HugeLine(size=9_000_000), "MALFORMED", calls=2),
    "error-in-a-200": falls_back(faults.StreamError(after=0), "TRANSIENT", calls=2),
    "error-in-mid-answer": falls_back(faults.StreamError(after=2), "TRANSIENT", said=True),
    "not-a-stream": falls_back(faults.ContentType(value="text/html"), "MALFORMED", calls=2),
    "compressed": falls_back(faults.Compressed(), "MALFORMED", calls=2),
    "bomb": falls_back(faults.Compressed(blank=5_000_000), "MALFORMED", calls=2),
    # without an end
    "endless-keep-alives": falls_back(
        _endless(Filler.KEEP_ALIVES), "TIMEOUT_FIRST_CONTENT", costs=LIMIT
    ),
    "endless-empty-deltas": falls_back(
        _endless(Filler.EMPTY_DELTAS), "TIMEOUT_FIRST_CONTENT", costs=LIMIT
    ),
    "endless-line": falls_back(_endless(Filler.LINE), "MALFORMED", calls=2),
    "endless-text": falls_back(_endless(Filler.TEXT), "MALFORMED", said=True),
    "endless-tool-calls": falls_back(_endless(Filler.TOOL_CALLS), "MALFORMED", said=True),
    "endless-body-of-a-500": falls_back(
        faults.Endless(filler=Filler.TEXT, status=500), "TRANSIENT", calls=2
    ),
}
