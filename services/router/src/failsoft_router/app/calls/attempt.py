"""One attempt: a target is asked, its content timed, its end judged."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.clock import Clock
from failsoft_kit.rpc.crash import describe
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import ErrorClass
from failsoft_router.app.calls.watchdog import WaitedTooLong, Watchdog
from failsoft_router.ports import MAX_ANSWER, AttemptFailed, Ending, Piece, Target, TargetCall

Take = Callable[[Delta | StreamReset], Awaitable[None]]
"""Takes the pieces of an answer one by one."""


class NobodyListens(Exception):
    """Raised by `Take`: the target has shown that it is well, and its answer is not wanted."""


_log: FilteringBoundLogger = structlog.get_logger()

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
    reader is not the target's fault. What is left of an answer when its time is over is
    not read any more, however much of it has arrived: a place at the target and a
    connection are held for it all the time.

    Raises:
        AttemptFailed: There is no whole answer; some pieces may have been taken.
    """
    spoke = is_late = False
    try:
        with Watchdog(clock) as watchdog:
            _expect(watchdog, ErrorClass.TIMEOUT_FIRST_CONTENT, limits.first_content_at, limits)
            async with aclosing(_pieces(target, call)) as items:
                async for item in items:
                    watchdog.rest()
                    if isinstance(item, Ending):
                        return item
                    if is_late:
                        raise WaitedTooLong(ErrorClass.TIMEOUT_TOTAL)
                    await take(item)
                    spoke = spoke or isinstance(item, Delta)
                    now = clock.now()
                    is_late = now >= limits.end_at
                    if spoke:
                        _expect(watchdog, ErrorClass.STALL, now + limits.stall, limits)
                    else:
                        first = limits.first_content_at
                        _expect(watchdog, ErrorClass.TIMEOUT_FIRST_CONTENT, first, limits)
    except WaitedTooLong as late:
        raise AttemptFailed(late.error_class, _SENTENCES[late.error_class]) from None
    raise AttemptFailed(ErrorClass.TRUNCATED, "the answer ended without an ending")


async def _pieces(target: Target, call: TargetCall) -> AsyncGenerator[Piece, None]:
    """What the target gives; whatever goes wrong in it is a failed attempt.

    A mistake of ours in one target must not cost the caller the others, nor, once the
    answer is whole, this one.

    Raises:
        AttemptFailed: There is no whole answer, or it is longer than `MAX_ANSWER`.
    """
    length, whole = 0, False
    try:
        async with aclosing(target.stream(call)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Delta):
                    length += len(piece.text) + len(piece.tool_name) + len(piece.tool_call_id)
                    if length > MAX_ANSWER:
                        raise AttemptFailed(
                            ErrorClass.MALFORMED, "the answer is longer than any model's"
                        )
                whole = isinstance(piece, Ending)
                yield piece
    except Exception as error:
        if _is_cancelled():
            # The target failed to let go; who hung up stays hung up all the same.
            raise asyncio.CancelledError from error
        told = isinstance(error, AttemptFailed)
        if not told:
            _log.error("attempt.crashed", attempt_id=call.attempt_id, stack=describe(error))
        if whole:
            return
        if told:
            raise
        raise AttemptFailed(ErrorClass.UNKNOWN, "an error of our own") from error


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _expect(watchdog: Watchdog, error: ErrorClass, at: float, limits: AttemptLimits) -> None:
    if at <= limits.end_at:
        watchdog.expect(error, by=at)
    else:
        watchdog.expect(ErrorClass.TIMEOUT_TOTAL, by=limits.end_at)
