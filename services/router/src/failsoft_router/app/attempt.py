"""One attempt: a target is asked, its content timed, its end judged."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import ErrorClass
from failsoft_router.app.watchdog import WaitedTooLong, Watchdog
from failsoft_router.ports import AttemptFailed, Ending, Target, TargetCall

Take = Callable[[Delta | StreamReset], Awaitable[None]]
"""Takes the pieces of an answer one by one."""

_SENTENCES = {
    ErrorClass.TIMEOUT_FIRST_CONTENT: "no content within its limit",
    ErrorClass.STALL: "the answer stopped half way",
    ErrorClass.TIMEOUT_TOTAL: "the whole answer took longer than its limit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimits:
    """Moments of the clock, in seconds, and the stall limit.

    Attributes:
        first_content_at: The first content is there.
        stall: Seconds between two contents.
        end_at: The whole answer is there.
    """

    first_content_at: float
    stall: float
    end_at: float


async def run_attempt(
    target: Target,
    call: TargetCall,
    *,
    limits: AttemptLimits,
    clock: Clock,
    take: Take,
) -> Ending:
    """Ask the target and hand on its pieces as they come.

    Time counts while the target is waited for, not while `take` does its work: a slow
    reader is not the target's fault.

    Raises:
        AttemptFailed: There is no whole answer; some pieces may have been taken.
    """
    try:
        with Watchdog(clock) as watchdog:
            _expect(watchdog, ErrorClass.TIMEOUT_FIRST_CONTENT, limits.first_content_at, limits)
            async with aclosing(target.stream(call)) as items:
                async for item in items:
                    watchdog.rest()
                    if isinstance(item, Ending):
                        return item
                    await take(item)
                    _expect(watchdog, ErrorClass.STALL, clock.now() + limits.stall, limits)
    except WaitedTooLong as late:
        raise AttemptFailed(late.error_class, _SENTENCES[late.error_class]) from None
    raise AttemptFailed(ErrorClass.TRUNCATED, "the answer ended without an ending")


def _expect(watchdog: Watchdog, error: ErrorClass, at: float, limits: AttemptLimits) -> None:
    if at <= limits.end_at:
        watchdog.expect(error, by=at)
    else:
        watchdog.expect(ErrorClass.TIMEOUT_TOTAL, by=limits.end_at)
