"""Checks a target by one tiny call, past its gates and counted by none of them."""

import enum
from dataclasses import dataclass, replace

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.span import Span
from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text
from failsoft_model.walk import ErrorClass
from failsoft_router.app.calls.attempt import AttemptLimits, run_attempt
from failsoft_router.app.targets.place import Place
from failsoft_router.ports import AttemptFailed, Ending, Piece, Target, TargetCall

_QUESTION = ChatRequest(
    model="",
    messages=(Message(role=Role.USER, parts=(Text(text="Say OK."),)),),
    sampling=Sampling(max_tokens=16),
)


class CheckResult(enum.Enum):
    """What a check found."""

    OK = "ok"
    NO_CREDENTIAL = "no_credential"
    BAD_CREDENTIAL = "bad_credential"
    NO_QUOTA = "no_quota"
    UNKNOWN_MODEL = "unknown_model"
    NO_NETWORK = "no_network"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What came of a check; `latency` in seconds, None when no call was made."""

    result: CheckResult
    detail: str
    latency: float | None


_RESULTS = {
    ErrorClass.CREDENTIAL: CheckResult.BAD_CREDENTIAL,
    ErrorClass.QUOTA: CheckResult.NO_QUOTA,
    ErrorClass.RATE_LIMITED: CheckResult.NO_QUOTA,
    ErrorClass.MODEL_GONE: CheckResult.UNKNOWN_MODEL,
}


async def check_target(
    place: Place, *, tenant: str, attempt_id: str, span: Span, clock: Clock
) -> Check:
    """Ask the target for a few tokens and say how it went."""
    if place.lacks_credential:
        return Check(result=CheckResult.NO_CREDENTIAL, detail=_no_credential(place), latency=None)
    began, limits = clock.now(), place.policy.limits
    call = TargetCall(
        request=_QUESTION,
        attempt_id=attempt_id,
        tenant=tenant,
        span=span.context,
        connect=limits.connect,
        total=limits.total,
    )
    within = AttemptLimits(
        first_content_at=began + limits.first_content,
        stall=limits.stall,
        end_at=began + limits.total,
    )
    try:
        ending = await _ask(place.target, call, within=within, clock=clock)
    except AttemptFailed as failure:
        return Check(result=_result(failure), detail=failure.detail, latency=clock.now() - began)
    return Check(
        result=CheckResult.OK, detail=f"{ending.model} answered", latency=clock.now() - began
    )


async def _ask(target: Target, call: TargetCall, *, within: AttemptLimits, clock: Clock) -> Ending:
    """Have it answered, by whichever of the target's endpoints has room.

    Raises:
        AttemptFailed: Nobody answered.
    """
    while True:
        try:
            return await run_attempt(target, call, limits=within, clock=clock, take=_ignore)
        except AttemptFailed as failure:
            if not failure.turned_away_by:
                raise
            call = replace(call, but=call.but | {failure.turned_away_by})


async def _ignore(piece: Piece) -> None:
    """Nobody reads a check's answer."""


def _result(failure: AttemptFailed) -> CheckResult:
    otherwise = CheckResult.FAILED if failure.sent else CheckResult.NO_NETWORK
    return _RESULTS.get(failure.error_class, otherwise)


def _no_credential(place: Place) -> str:
    source = place.policy.credential
    if source is None:
        return ""
    ways = [f"write it to {source.file}"] if source.file else []
    ways += [f"set {source.env} and start again"] if source.env else []
    return f"no key was found: {' or '.join(ways)}"
