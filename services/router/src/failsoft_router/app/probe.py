"""A hidden probe: a call that finds out about a target and makes nobody wait for it.

After an outage somebody's request has to find out that the target is back. The probe
is that request's first attempt; when it has said nothing after the target's usual time,
the walk goes on to the next hop and the probe runs beside it. Whoever speaks first
answers. A probe whose caller is gone runs ten seconds more, to learn what it can, and
is no evidence after that.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router.app.attempt import Take
from failsoft_router.app.supervisor import Supervisor
from failsoft_router.app.trail import OpenHop
from failsoft_router.app.trial import OutOfTime, Trial, Tried
from failsoft_router.app.watchdog import WaitedTooLong, Watchdog

LONGEST_PATIENCE = 2.0
"""Seconds; a walk waits no longer for a probe, however slow the target usually is."""
SHORTEST_PATIENCE = 0.1
"""Seconds; a target that is faster than this is given as long all the same."""
UNKNOWN_PATIENCE = 1.0
"""Seconds for a target of which nothing is known yet."""
AFTERLIFE = 10.0
"""Seconds that a probe runs on when its caller is gone."""


def patience_with(usual: float | None) -> float:
    """Seconds that a walk waits for a probe before it goes on beside it.

    Twice the usual time, because half of all healthy answers take longer than that.

    Args:
        usual: Seconds that the target usually takes to its first content; None: not known.
    """
    if usual is None:
        return UNKNOWN_PATIENCE
    return min(max(2 * usual, SHORTEST_PATIENCE), LONGEST_PATIENCE)


class Probe:
    """One probe, from its start in a walk to its end in the supervisor."""

    def __init__(
        self, trial: Trial, hop: OpenHop, *, earlier: tuple[Attempt, ...], clock: Clock
    ) -> None:
        """
        Args:
            hop: Where it was begun; its span ends with the probe.
            earlier: The attempts that the hop made before.
        """
        self.hop = hop
        self.earlier = earlier
        self._trial = trial
        self._clock = clock
        self._at_end: Callable[[], None] | None = None
        self._pieces: asyncio.Queue[Delta | StreamReset | None] = asyncio.Queue()
        self._tried: Tried | None = None
        self._over = False
        self._news = asyncio.Event()
        self._listeners: list[Callable[[], object]] = []
        self._left = False
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin; the supervisor owns it from now on."""
        self._task = supervisor.adopt(self._work())

    async def news(self, *, within: float) -> bool:
        """Wait until it speaks or is over; False when neither came in time."""
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    @property
    def spoke(self) -> bool:
        """Content has come from it."""
        return self._trial.spoke

    @property
    def over(self) -> bool:
        """Nothing more will come from it."""
        return self._over

    @contextmanager
    def listening(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call `listener` when it speaks; one that has spoken already calls nobody."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def when_over(self, at_end: Callable[[], None]) -> None:
        """Call this when nothing more will come from it, at once if that is so now."""
        if self._over:
            at_end()
        else:
            self._at_end = at_end

    async def follow(self, take: Take, *, until: float) -> Tried | None:
        """Hand on what it has said and what is to come, up to its end.

        Args:
            until: Moment of the clock at which its caller is gone; it is left then.

        Returns:
            None: it was ended from outside, as by a drain.
        """
        try:
            with Watchdog(self._clock) as watchdog:
                while True:
                    watchdog.expect(ErrorClass.TIMEOUT_TOTAL, by=until)
                    piece = await self._pieces.get()
                    watchdog.rest()
                    if piece is None:
                        return self._tried
                    await take(piece)
        except WaitedTooLong as late:
            self.leave()
            return self._trial.tried(OutOfTime(late.error_class))

    def leave(self) -> None:
        """Its caller is gone: nobody will take what it says."""
        if self._left or self._task is None:
            return
        self._left = True
        if self._over:
            self._resolve()
        else:
            asyncio.get_running_loop().call_later(AFTERLIFE, self._task.cancel)

    async def _work(self) -> None:
        try:
            self._tried = await self._trial.run(parent=self.hop.span, take=self._put)
        finally:
            self._over = True
            self._news.set()
            self._pieces.put_nowait(None)
            if self._at_end is not None:
                self._at_end()
            if self._left:
                self._resolve()

    async def _put(self, piece: Delta | StreamReset) -> None:
        if self._left:
            return
        self._pieces.put_nowait(piece)
        if not self._news.is_set():
            self._news.set()
            for listener in tuple(self._listeners):
                listener()

    def _resolve(self) -> None:
        """Write down what came of a probe that was left behind."""
        if self._tried is None:
            self.hop.trail.resolved(self.hop, self.earlier, None)
        else:
            attempts = (*self.earlier, self._tried.attempt)
            self.hop.trail.resolved(self.hop, attempts, self._tried.result)
