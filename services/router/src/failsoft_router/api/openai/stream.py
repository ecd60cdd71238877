"""One streamed answer on its way out: headers with the first content, then event by event.

Until then a walk that fails is a plain error with a status of its own. Where nothing can be
said for a while, the headers and a comment go out, so that nobody in between takes the
connection for dead; a failure after that is an event of the stream.
"""

import asyncio

from failsoft_kit.call import Call
from failsoft_kit.clock import Clock
from failsoft_kit.http.exchange import Response
from failsoft_model.events import Delta, Event, Finished, HopUpdate, Started, StreamReset
from failsoft_router.app.hops.surroundings import Caller
from failsoft_router.app.reply.delivery import Opening
from failsoft_router.app.walks.walker import Walker
from failsoft_router.wire.openai_front.chunks import CONTENT_TYPE, KEEP_ALIVE, ChunkWriter
from failsoft_router.wire.openai_front.facts import answer_headers, walk_headers
from failsoft_router.wire.openai_front.request import Asked

_ALWAYS = (
    ("content-type", CONTENT_TYPE),
    ("cache-control", "no-cache"),
    # nginx would hold events back.
    ("x-accel-buffering", "no"),
)


class StreamedReply:
    """Sends one answer; `send` it once."""

    def __init__(
        self, response: Response, asked: Asked, *, call: Call, clock: Clock, longest_silence: float
    ) -> None:
        """
        Args:
            longest_silence: Seconds after which a comment is sent.
        """
        self._response = response
        self._asked = asked
        self._call = call
        self._clock = clock
        self._longest_silence = longest_silence
        self._said_at = clock.now()
        self._turn = asyncio.Lock()
        """Held while something is sent: headers come before everything else."""
        self._walk_id = ""
        self._opening: Opening | None = None
        self._writer: ChunkWriter | None = None

    async def send(self, walker: Walker, caller: Caller) -> None:
        """Walk, and send what comes of it.

        Raises:
            FailsoftError: There is no answer, or no whole one; the client has to be told.
        """
        failure: Exception | None = None
        async with asyncio.TaskGroup() as tasks:
            heart = tasks.create_task(self._beat())
            try:
                await walker.stream(
                    self._asked.chat, caller, self._take, sees_resets=False, opens=self._open
                )
            except Exception as error:
                # Not through the task group, which would wrap it.
                failure = error
            finally:
                heart.cancel()
        if failure is not None:
            raise failure

    def _open(self, opening: Opening) -> None:
        self._opening = opening

    async def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._walk_id = event.walk_id
            case Delta():
                await self._say(event)
            case Finished():
                await self._end(event)
            case HopUpdate() | StreamReset():
                # Hops are told at the end; a reset comes only before anything was sent.
                pass

    async def _say(self, delta: Delta) -> None:
        async with self._turn:
            writer = await self._begin()
            await self._response.write(writer.piece(delta))
        self._said_at = self._clock.now()

    async def _end(self, finished: Finished) -> None:
        async with self._turn:
            writer = await self._begin()
            await self._response.end(writer.ending(finished))

    async def _begin(self) -> ChunkWriter:
        """Send the headers, unless they are out; what the first content tells comes with them."""
        if self._writer is None:
            opening = self._opening
            self._writer = ChunkWriter(
                walk_id=self._walk_id,
                model=self._asked.chat.model if opening is None else opening.model,
                created=int(self._clock.unix()),
                include_usage=self._asked.include_usage,
                dropped=self._asked.dropped_with,
            )
        if self._response.status is None:
            await self._send_headers()
        return self._writer

    async def _send_headers(self) -> None:
        trace_id = self._call.span.trace_id
        headers = [*_ALWAYS, *walk_headers(walk_id=self._walk_id, trace_id=trace_id)]
        if self._opening is not None:
            headers += answer_headers(
                served_by=self._opening.served_by,
                degradation=self._opening.degradation,
                cache_status=self._opening.cache_status,
                cache_age=self._opening.cache_age,
            )
        await self._response.begin(200, headers)

    async def _beat(self) -> None:
        """Send a comment whenever nothing was said for too long."""
        while True:
            left = self._said_at + self._longest_silence - self._clock.now()
            if left > 0:
                await asyncio.sleep(left)
                continue
            async with self._turn:
                if self._response.status is None:
                    await self._send_headers()
                await self._response.write(KEEP_ALIVE)
            self._said_at = self._clock.now()
