"""The body of an event stream as deltas: up to its end, or until nothing more is worth
waiting for.

Whoever hands the pieces on wants each as it comes. Whoever waits for the whole answer
wants them cheap: what a piece costs is the wake-up for it, so between two reads the socket
is left alone, and the pieces that gather there wake the process once.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

import aiohttp

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.codec import AnswerReader
from failsoft_router.wire.sse import EventTooLong, SseParser

AFTER_FINISH = 0.25
"""Seconds that usage may follow the finish reason by, whatever else comes meanwhile."""

AFTER_END = 0.01
"""Seconds that the end of the body may follow the last event by. An answer whose body was
read to its end leaves a connection that the next call can use."""

_DONE = b"[DONE]"
"""OpenAI's mark of the end. No other dialect has such a payload, for it is no JSON."""

LONGEST_GULP = 0.02
"""Seconds that the socket is left alone at most: so late may a whole answer be."""
GULP_SHARE = 0.5
"""Of the time since the request was sent, so that a fast answer is held up by less, and of
the time that is left, so that none is late that was in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gulps:
    """How an answer is read whose pieces nobody waits for. Moments of the clock, in seconds.

    Attributes:
        asked_at: The request was sent.
        end_at: The whole answer must be there.
    """

    asked_at: float
    end_at: float

    def seconds(self, now: float) -> float:
        """From now until the next look at the socket."""
        return min(LONGEST_GULP, GULP_SHARE * min(now - self.asked_at, self.end_at - now))


async def deltas(
    response: aiohttp.ClientResponse,
    reader: AnswerReader,
    *,
    clock: Clock,
    gulps: Gulps | None,
) -> AsyncGenerator[Delta, None]:
    """The content of a response's body as it comes.

    Args:
        reader: Takes what the events say.
        gulps: None: each piece is wanted as soon as it is there.

    Raises:
        AttemptFailed: `MALFORMED`: an event has no end; or an event says that it failed.
    """
    parser = SseParser()
    wait_until = math.inf
    over = False
    while chunk := await read_any(response.content, wait_until, clock):
        if over:
            continue
        try:
            over = _take(parser.feed(chunk), reader)
        except EventTooLong:
            raise AttemptFailed(ErrorClass.MALFORMED, "an event has no end") from None
        found = reader.content()
        for delta in found:
            yield delta
        if over:
            wait_until = clock.now() + AFTER_END
        elif reader.finished:
            wait_until = min(wait_until, clock.now() + AFTER_FINISH)
        elif found and gulps is not None:
            await _leave_alone(response, gulps.seconds(clock.now()))
    if not over and response.content.at_eof():
        # Otherwise the wait was over: what is there of a line is no whole one.
        _take(parser.end(), reader)
        for delta in reader.content():
            yield delta


async def read_any(content: aiohttp.StreamReader, wait_until: float, clock: Clock) -> bytes:
    """The next bytes; none at the end of the body, or when they do not come in time.

    Args:
        wait_until: Moment of the clock; infinite: as long as it takes.
    """
    if wait_until == math.inf:
        return await content.readany()
    left = wait_until - clock.now()
    if left <= 0.0:
        return b""
    try:
        async with asyncio.timeout(left):
            return await content.readany()
    except TimeoutError:
        return b""


def _take(payloads: Iterable[bytes], reader: AnswerReader) -> bool:
    """Let the reader take these payloads; whether nothing worth waiting for follows."""
    for payload in payloads:
        if payload == _DONE:
            return True
        reader.read(payload)
    return reader.complete


async def _leave_alone(response: aiohttp.ClientResponse, seconds: float) -> None:
    """Let what comes gather in the socket; not at all if `seconds` is negative."""
    transport = None if response.connection is None else response.connection.transport
    if transport is None or transport.is_closing():
        # All has come already, or nothing more will.
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(seconds)
    finally:
        if not transport.is_closing():
            transport.resume_reading()
