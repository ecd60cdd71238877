"""A probe: a call that finds out about its target and makes nobody wait for it.

Silence is told from slowness only by waiting, and not every caller can wait as long as a
target may take. So such a call is left running when its walk goes on to the next hop; it
belongs to the process then, and whoever speaks first answers. There are two kinds:

* Hidden ones. After an outage somebody's request has to find out that the target is back.
  Its walk waits for the target's usual time only. When its caller is gone, it runs ten
  seconds more to learn what it can, and is no evidence after that.
* Calls of targets that are in use, whose walk has less time than the target's own limit.
  They go on until that limit, which is the evidence that a hang leaves behind; or, when
  nobody listens any more, until their first content, which shows that the target is well.
  Their walk keeps them, also those that have spoken, until it has a whole answer: the one
  that spoke first may die yet.
"""

import asyncio
from collections.abc import Callable

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router.app.calls.attempt import NobodyListens, Take
from failsoft_router.app.calls.trial import OutOfTime, Trial, Tried
from failsoft_router.app.calls.watchdog import WaitedTooLong, Watchdog
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.trail import OpenHop
from failsoft_router.ports import AttemptFailed

AFTERLIFE = 10.0
"""Seconds that a hidden probe runs on when its caller is gone."""


class Probe:
    """One probe, from its start in a walk to its end in the supervisor."""

    def __init__(
        self,
        trial: Trial,
        hop: OpenHop,
        *,
        hidden: bool,
        earlier: tuple[Attempt, ...],
        leave_behind: Callable[["asyncio.Future[None]"], bool],
        clock: Clock,
    ) -> None:
        """
        Args:
            hop: Where it was begun; its span ends with the probe.
            hidden: Its target was out.
            earlier: The attempts that the hop made before.
            leave_behind: Whether another call may go on that nobody waits for, until the
                future is done; not asked for hidden ones.
        """
        self.hop = hop
        self.splice = trial.splice
        """Puts what it says behind what was said; None: it was asked for an answer."""
        self.hidden = hidden
        self.earlier = earlier
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when content has come from it, or nothing more will."""
        self._trial = trial
        self._leave_behind = leave_behind
        self._clock = clock
        self._at_end: Callable[[], None] | None = None
        self._pieces: asyncio.Queue[Delta | StreamReset | None] = asyncio.Queue()
        self._tried: Tried | None = None
        self._over = False
        self._left = False
        self._followed = False
        self._unheard = False
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin; the supervisor owns it from now on.

        Raises:
            RuntimeError: It does not run any more.
        """
        try:
            self._task = supervisor.adopt(self._work)
        except BaseException:
            self._trial.give_back_unused()
            raise
        self._task.add_done_callback(self._end)

    @property
    def spoke_at(self) -> float | None:
        """Moment of the clock at which content came from it; None: none has."""
        return self._trial.first_content_at

    @property
    def over(self) -> bool:
        """Nothing more will come from it."""
        return self._over

    def tried(self, failure: AttemptFailed) -> Tried:
        """What came of it, if its walk takes it for failed with this."""
        return self._trial.tried(failure)

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
            None: it was ended from outside, as by a drain. A failure that `take` raises is
            the probe's.
        """
        self._followed = True
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
            failure = OutOfTime(late.error_class)
            self._trial.is_given_up(failure)
            self.leave()
            return self.tried(failure)
        except AttemptFailed as failure:
            self.end(why=failure)
            return self.tried(failure)
        except BaseException:
            self.leave()
            raise

    def may_go_on(self) -> bool:
        """Whether its target has too few calls out that nobody waits for to be judged by them."""
        return self.hidden or self._leave_behind(self.heard)

    def leave(self) -> None:
        """Nobody will take what it says: its caller is gone, or somebody else answers."""
        if self._left or self._task is None:
            return
        self._left = True
        if self._over:
            self._resolve()
        elif self.hidden:
            asyncio.get_running_loop().call_later(AFTERLIFE, self._task.cancel)
        elif self._trial.spoke:
            if not self._followed:
                self._trial.is_not_wanted()
                self._unheard = True
            self._task.cancel()

    def end(self, *, why: AttemptFailed | None = None) -> None:
        """Break it off; what it would have found out is not to be known.

        Args:
            why: What its walk takes it for failed with; None: nobody waits for it any more.
        """
        if why is not None:
            self._trial.is_given_up(why)
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        self._tried = await self._trial.run(take=self._put)

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._trial.give_back_unused()
        self._over = True
        self._is_heard()
        self._pieces.put_nowait(None)
        if self._at_end is not None:
            self._at_end()
        if self._left:
            self._resolve()

    async def _put(self, piece: Delta | StreamReset) -> None:
        spoke = self._trial.spoke
        if not self._left:
            self._pieces.put_nowait(piece)
            if spoke:
                self._is_heard()
        elif spoke and not self.hidden:
            self._unheard = True
            raise NobodyListens

    def _is_heard(self) -> None:
        if not self.heard.done():
            self.heard.set_result(None)

    def _resolve(self) -> None:
        """Write down what came of a probe that was left behind."""
        tried = self._tried or self.tried(_GIVEN_UP)
        failure = tried.result if isinstance(tried.result, AttemptFailed) else None
        attempts = (*self.earlier, tried.attempt)
        self.hop.trail.resolved(self.hop, attempts, None if self._unheard else failure)


_GIVEN_UP = AttemptFailed(ErrorClass.CANCELLED, "its probe was given up")
