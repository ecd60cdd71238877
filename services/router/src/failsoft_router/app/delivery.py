"""What reaches the caller of one walk, event by event or as one answer at the end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.chat import Degradation
from failsoft_model.events import Choice, Delta, Event, HopUpdate, StreamReset
from failsoft_model.walk import CacheStatus, ErrorClass, Hop
from failsoft_router.app.assemble import Assembler, replay
from failsoft_router.app.watchdog import Watchdog

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


class Delivery:
    """Hands events on and puts the answer together from its pieces.

    A unary caller has no sink: it is sent nothing before the end, so content that came
    from a target that died can still be forgotten.
    """

    def __init__(
        self,
        sink: EventSink | None,
        *,
        clock: Clock,
        opens: Callable[[str], None] | None = None,
    ) -> None:
        """
        Args:
            opens: Is told who speaks, just before the first content; None: nobody asks.
        """
        self._sink = sink
        self._opens = opens
        self.speaker = ""
        """Whose the pieces are that are taken now: a target's name, `cache` or `mock`."""
        self._clock = clock
        self.reader = Watchdog(clock)
        """Ends the walk of a reader who takes nothing; a stream is walked inside it."""
        self._answer = Assembler()
        self._whole: Choice | None = None
        self._content_left = False

    @property
    def streams(self) -> bool:
        """Somebody takes the events one by one."""
        return self._sink is not None

    @property
    def content_left(self) -> bool:
        """Content of the answer, as it is now, has left for the caller."""
        return self._content_left

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

    async def take(self, piece: Delta | StreamReset) -> None:
        """Take the next piece of the answer."""
        self._whole = None
        if isinstance(piece, Delta):
            self._answer.add(piece)
            if self._opens is not None and not self._content_left:
                self._opens(self.speaker)
            self._content_left = self.streams
        else:
            self._answer.clear(from_block=piece.from_block)
        if self._sink is not None:
            await self.emit(piece)

    async def take_whole(self, choice: Choice) -> None:
        """Take a whole answer: piece by piece where somebody takes the pieces."""
        if self._sink is None:
            self._whole = choice
            return
        for delta in replay(choice):
            await self.take(delta)

    def forget(self) -> None:
        """The pieces so far are void; a caller that has some is told by `reset`."""
        self._whole = None
        self._answer.clear()

    async def reset(self, reason: ErrorClass) -> None:
        """Tell the caller that the answer starts over."""
        self._content_left = False
        await self.emit(StreamReset(reason=reason))
