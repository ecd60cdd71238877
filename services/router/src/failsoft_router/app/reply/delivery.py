"""What reaches the caller of one walk, event by event or as one answer at the end."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.span import Span
from failsoft_model.chat import Degradation
from failsoft_model.events import BlockKind, Choice, Delta, Event, HopUpdate, StreamReset
from failsoft_model.walk import CacheStatus, ErrorClass, Hop
from failsoft_router import span_names
from failsoft_router.app.calls.attempt import Take
from failsoft_router.app.calls.watchdog import Watchdog
from failsoft_router.app.reply.assemble import Assembler, replay
from failsoft_router.core.rescue import Continuation, Said
from failsoft_router.core.seam import AnotherAnswer
from failsoft_router.core.splice import Splice
from failsoft_router.core.unfinished import may_be_unfinished, unfinished_from
from failsoft_router.ports import AttemptFailed

LONGEST_READ = 60.0
"""Seconds that the reader of a stream may take for one event; then it is taken for gone,
because a place at its target and a connection are held for it all the time."""

EventSink = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is known of an answer when its first content leaves; the end may know better.

    Attributes:
        served_by: A target's name, `cache` or `mock`.
        cache_age: Seconds; None for an answer that was not stored.
    """

    served_by: str
    model: str
    degradation: Degradation
    cache_status: CacheStatus
    cache_age: float | None


Opens = Callable[[Opening], None]
"""Is told of an answer just before the event of its first content."""


class DoesNotGoOn(AttemptFailed):
    """The target tells an answer of its own, where it was asked to go on with another's."""

    def __init__(self) -> None:
        super().__init__(
            ErrorClass.UNSUPPORTED, "it gave another answer instead of going on with this one"
        )


class Delivery:
    """Hands events on and puts the answer together from its pieces.

    A unary caller has no sink: it is sent nothing before the end, so content that came
    from a target that died can still be forgotten.
    """

    def __init__(
        self,
        sink: EventSink | None,
        *,
        span: Span,
        clock: Clock,
        opens: Callable[[str], None] | None = None,
    ) -> None:
        """
        Args:
            span: The walk's.
            opens: Is told who speaks, just before the first content; None: nobody asks.
        """
        self._sink = sink
        self._opens = opens
        self.speaker = ""
        """Whose the pieces are that are taken now: a target's name, `cache` or `mock`."""
        self._span = span
        self._clock = clock
        self.reader = Watchdog(clock)
        """Ends the walk of a reader who takes nothing; a stream is walked inside it."""
        self.going_on: Continuation | None = None
        """What targets are asked to go on from; None: they are asked for an answer."""
        self._answer = Assembler()
        self._whole: Choice | None = None
        self._content_left = False
        self._splice: Splice | None = None
        self._held: Delta | None = None
        self._broke_off = ErrorClass.UNKNOWN

    @property
    def streams(self) -> bool:
        """Somebody takes the events one by one."""
        return self._sink is not None

    @property
    def content_left(self) -> bool:
        """Content of the answer, as it is now, has left for the caller."""
        return self._content_left

    @property
    def said(self) -> tuple[Said, ...]:
        """The blocks of the answer so far."""
        return self._answer.said()

    @property
    def choice(self) -> Choice:
        """The answer so far."""
        if self._whole is None:
            self._whole = self._answer.choice()
        return self._whole

    async def emit(self, event: Event) -> None:
        """Hand on an event that is no content.

        Raises:
            WaitedTooLong: From `reader`, when it is not taken.
        """
        if self._sink is not None:
            self.reader.expect(ErrorClass.CANCELLED, by=self._clock.now() + LONGEST_READ)
            await self._sink(event)
            self.reader.rest()

    async def tell(self, hop: Hop) -> None:
        """Hand on how a hop is."""
        if self._sink is not None:
            await self.emit(HopUpdate(hop=hop))

    async def taker(self, speaker: str, splice: Splice | None) -> Take:
        """What takes the pieces of the target that is heard from now on.

        Args:
            speaker: The target's name.
            splice: Puts them behind what was said; None: they are an answer of their own, so
                what was said is void.
        """
        self.speaker, self._splice = speaker, splice
        if splice is not None:
            return self._take_spliced
        if self.going_on is not None:
            await self.start_over()
        return self.take

    async def take(self, piece: Delta | StreamReset) -> None:
        """Take the next piece of the answer."""
        if isinstance(piece, StreamReset):
            if self._held is not None and self._held.block >= piece.from_block:
                self._held = None
            await self._void(piece)
        elif self._sink is None:
            self._whole = None
            self._answer.add(piece)
        elif self._held is None and not may_be_unfinished(piece.text):
            # Every piece of every stream comes here.
            self._note(piece)
            await self.emit(piece)
        else:
            await self._hand_on_whole_letters(piece)

    async def take_whole(self, choice: Choice) -> None:
        """Take a whole answer: piece by piece where somebody takes the pieces."""
        if self._sink is None:
            self._whole = choice
            return
        for delta in replay(choice):
            await self.take(delta)

    async def finish(self) -> None:
        """Hand on what was held back: the target has ended its answer.

        Raises:
            AttemptFailed: The answer is not the one that it was asked to go on with.
        """
        splice, self._splice = self._splice, None
        if splice is not None:
            await self._take_all(splice.end())
        if self._held is not None:
            held, self._held = self._held, None
            await self._hand_on(held)

    def break_off(self, reason: ErrorClass) -> None:
        """The target has failed: what was held back of it is not said.

        A caller who has been sent nothing is sent nothing of it; for others, `going_on` and
        `start_over` say what becomes of what they were sent.
        """
        self._broke_off = reason
        self._splice = self._held = None
        if not self._content_left:
            self._forget()

    async def start_over(self) -> None:
        """Whatever was said is void; somebody tells another answer."""
        self.going_on = None
        self._forget()
        if self._content_left:
            self._content_left = False
            await self.void(from_block=0)

    async def void(self, *, from_block: int) -> None:
        """What was said from this block on is void."""
        await self._void(StreamReset(reason=self._broke_off, from_block=from_block))

    def _forget(self) -> None:
        self._whole = None
        self._answer.clear()

    async def _void(self, reset: StreamReset) -> None:
        if self._sink is not None:
            self._span.event(span_names.STREAM_RESET, {span_names.ERROR_CLASS: reset.reason.value})
        self._whole = None
        self._answer.clear(from_block=reset.from_block)
        await self.emit(reset)

    async def _take_spliced(self, piece: Delta | StreamReset) -> None:
        # A reset is an inner router's, which has said nothing yet.
        if isinstance(piece, Delta) and self._splice is not None:
            await self._take_all(self._splice.take(piece))

    async def _take_all(self, pieces: Iterable[Delta]) -> None:
        try:
            for piece in pieces:
                await self.take(piece)
        except AnotherAnswer:
            raise DoesNotGoOn from None

    async def _hand_on_whole_letters(self, piece: Delta) -> None:
        """Hand on what is whole, and hold back an end that is not."""
        held, self._held = self._held, None
        if held is not None and held.block == piece.block:
            piece = replace(piece, text=held.text + piece.text)
        elif held is not None:
            await self._hand_on(held)
        whole = len(piece.text)
        if piece.kind is BlockKind.TEXT and not piece.logprobs:
            whole = unfinished_from(piece.text)
        if whole < len(piece.text):
            self._held = replace(piece, text=piece.text[whole:])
            piece = replace(piece, text=piece.text[:whole])
        if piece.text or self._held is None:
            await self._hand_on(piece)

    async def _hand_on(self, piece: Delta) -> None:
        self._note(piece)
        await self.emit(piece)

    def _note(self, piece: Delta) -> None:
        """It leaves now."""
        self._whole = None
        self._answer.add(piece)
        if not self._content_left:
            self._content_left = True
            if self._opens is not None:
                self._opens(self.speaker)
